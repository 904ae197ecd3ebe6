/** Letter of the price list by what a disk is: https://learn.microsoft.com/azure/virtual-machines/disks-types */
const LETTERS = new Map([
  ['Standard_LRS', 'S'],
  ['StandardSSD_LRS', 'E'],
  ['StandardSSD_ZRS', 'E'],
  ['Premium_LRS', 'P'],
  ['Premium_ZRS', 'P'],
]);

/** Price steps: number and the GiB that it reaches to. Hard disks begin with the fourth. */
const STEPS: readonly (readonly [step: number, gib: number])[] = [
  [1, 4],
  [2, 8],
  [3, 16],
  [4, 32],
  [6, 64],
  [10, 128],
  [15, 256],
  [20, 512],
  [30, 1024],
  [40, 2048],
  [50, 4096],
  [60, 8192],
  [70, 16_384],
  [80, 32_767],
];

/** Smallest step of hard disks. */
const FIRST_HDD_STEP = 4;

/**
 * What a managed disk is in the price list: `E6 LRS` for 64 GiB of `StandardSSD_LRS`. A disk is charged for the whole step. Undefined for
 * kinds that are sold by capacity, operations and throughput (Ultra, Premium v2).
 */
export function diskTier(storageAccountType: string, sizeGib: number): string | undefined {
  const letter = LETTERS.get(storageAccountType);
  const step = STEPS.find(([number, gib]) => gib >= sizeGib && (letter !== 'S' || number >= FIRST_HDD_STEP));
  if (letter === undefined || step === undefined) return undefined;
  return `${letter}${step[0]} ${storageAccountType.endsWith('ZRS') ? 'ZRS' : 'LRS'}`;
}
