import { existsSync } from 'node:fs';

/**
 * Where Chromium of Debian, or Chrome, is installed: a browser, with SwiftShader, a Vulkan driver that computes on the processor, and
 * the Vulkan loader that finds it.
 */
const FOLDERS = [
  { folder: '/usr/lib/chromium', browser: '/usr/bin/chromium' },
  { folder: '/opt/google/chrome', browser: '/opt/google/chrome/chrome' },
];

/** The first one that is there; undefined skips the tests that need it. */
export const CHROMIUM = FOLDERS.find(({ folder, browser }) => existsSync(`${folder}/vk_swiftshader_icd.json`) && existsSync(browser));
