import { DecodeFault } from '../decode-fault.ts';

/**
 * Undoes the filters of PNG (ISO/IEC 15948, 9.2) in place.
 *
 * @param data rows of one byte that names the filter and `rowBytes` bytes
 * @param pixelBytes distance to the corresponding byte of the pixel to the left, at least 1
 * @throws {@link DecodeFault} for a filter that does not exist
 */
export function unfilter(data: Uint8Array, rowBytes: number, pixelBytes: number): void {
  for (let start = 0; start < data.length; start += 1 + rowBytes) {
    const row = start + 1;
    const end = row + rowBytes;
    // The row above the first is zeros: filters that look up do without it.
    const above = start === 0 ? undefined : row - rowBytes - 1;
    switch (data[start]) {
      case 0:
        break;
      case 1:
        addLeft(data, row, end, pixelBytes);
        break;
      case 2:
        if (above !== undefined) addAbove(data, row, end, above);
        break;
      case 3:
        addMean(data, row, end, above, pixelBytes);
        break;
      case 4:
        if (above === undefined) addLeft(data, row, end, pixelBytes);
        else addPaeth(data, row, end, above, pixelBytes);
        break;
      default:
        throw new DecodeFault(`the PNG names a filter ${data[start] ?? 0}, of which there are 0 to 4`);
    }
  }
}

function addLeft(data: Uint8Array, row: number, end: number, pixelBytes: number): void {
  for (let at = row + pixelBytes; at < end; at++) data[at] = (data[at] ?? 0) + (data[at - pixelBytes] ?? 0);
}

function addAbove(data: Uint8Array, row: number, end: number, above: number): void {
  for (let at = row, up = above; at < end; at++, up++) data[at] = (data[at] ?? 0) + (data[up] ?? 0);
}

function addMean(data: Uint8Array, row: number, end: number, above: number | undefined, pixelBytes: number): void {
  for (let at = row; at < end; at++) {
    const left = at - pixelBytes < row ? 0 : (data[at - pixelBytes] ?? 0);
    const up = above === undefined ? 0 : (data[above + at - row] ?? 0);
    data[at] = (data[at] ?? 0) + ((left + up) >> 1);
  }
}

function addPaeth(data: Uint8Array, row: number, end: number, above: number, pixelBytes: number): void {
  const lift = row - above;
  // Left of the first pixel is zero, where the nearest of the three is always what stands above.
  const inner = Math.min(end, row + pixelBytes);
  for (let at = row; at < inner; at++) data[at] = (data[at] ?? 0) + (data[at - lift] ?? 0);
  for (let at = inner; at < end; at++) {
    const left = data[at - pixelBytes] ?? 0;
    const up = data[at - lift] ?? 0;
    const corner = data[at - lift - pixelBytes] ?? 0;
    const toLeft = Math.abs(up - corner);
    const toUp = Math.abs(left - corner);
    const toCorner = Math.abs(left + up - corner - corner);
    const nearest = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    data[at] = (data[at] ?? 0) + nearest;
  }
}
