/**
 * The memory of decoded values that can be handed to another thread instead of being copied: that of arrays of numbers which fill it
 * wholly, be they values themselves or properties of one (pixels of an image, data of an array).
 */
export function transferable(columns: readonly (readonly unknown[])[]): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  for (const column of columns) {
    for (const value of column) {
      if (typeof value !== 'object' || value === null) continue;
      if (ArrayBuffer.isView(value)) addIfWhole(value, found);
      else if (!Array.isArray(value))
        for (const property of Object.values(value)) if (ArrayBuffer.isView(property)) addIfWhole(property, found);
    }
  }
  return [...found];
}

/** A view of a part would take the rest with it: small buffers share one block of Node's pool. */
function addIfWhole({ buffer, byteLength }: ArrayBufferView, found: Set<ArrayBuffer>): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0) found.add(buffer);
}
