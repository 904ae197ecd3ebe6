import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Everything is tested from source: the condition makes `@warpforge/*` resolve to `src`, in the tests, in their workers and in child processes. */
const conditions = ['@warpforge/source'];

const compiled = fileURLToPath(new URL('node_modules/.cache/warpforge-tests', import.meta.url));

const projects = [
  'packages/metrics',
  'packages/blob-backend',
  'packages/block-cache',
  'packages/fuse-fs',
  'packages/webdataset',
  'packages/azure-infra',
  'packages/cache-warmer',
  'apps/mount',
  'apps/trainer',
  'apps/infra',
  'tools',
];

export default defineConfig({
  test: {
    projects: projects.map((root) => ({
      root,
      resolve: { conditions },
      ssr: { resolve: { conditions } },
      test: {
        name: root.replace(/^(packages|apps)\//, ''),
        include: ['test/**/*.test.ts'],
        pool: 'forks',
        execArgv: conditions.map((condition) => `--conditions=${condition}`),
        // Real mounts, real servers and real child processes: the limit only catches a hang.
        testTimeout: 60_000,
        hookTimeout: 60_000,
        isolate: true,
        env: {
          // ONNX Runtime, which some tests load by themselves, would report its use to its maker.
          ORT_DISABLE_TELEMETRY: '1',
          // Programs that tests start take a third less time when what others have compiled is kept.
          NODE_COMPILE_CACHE: compiled,
        },
      },
    })),
    // One more than the two processors of a small machine: tests that start programs wait a good part of their time.
    maxWorkers: 3,
  },
});
