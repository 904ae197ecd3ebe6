import type { GuideFollowed } from './follow-guide.ts';

/** What the reader is promised, on the VM and not here. */
const PROMISES = [
  /8 files, .* in place and verified: 8 uploaded/,
  /8 blobs, .* as they should be/,
  /azureuser@127\.0\.0\.1 is ready\n/,
  /restarted warpdrive\.service\n/,
  / {4}Mount ready: \/wd\n/,
  /step=4 {2}images_per_sec=/,
  /The environment warpdrive-forge is gone/,
];

/** Commands of the guide that cannot be run without Azure. */
const LEFT_OUT = [/^deploy-azure\.md:\d+: az storage blob list /, /^deploy-azure\.md:\d+: az storage blob list /];

/** What was not as the guide promises; empty when all was. */
export function brokenPromises({ exitCode, output, leftOut }: GuideFollowed): string[] {
  return [
    ...(exitCode === 0 ? [] : [`the guide ended with exit code ${exitCode}`]),
    ...PROMISES.filter((promise) => !promise.test(output)).map((promise) => `nothing printed matches ${String(promise)}`),
    ...leftOut.filter((line, index) => LEFT_OUT[index]?.test(line) !== true).map((line) => `not run: ${line}`),
  ];
}
