import { writeUnsigned } from './attributes.ts';
import { Notification, OUT_HEADER_SIZE } from './constants.ts';

/**
 * Message to the kernel: drop the attributes and the cached pages of an inode.
 *
 * A notification is a reply to no request (`unique` 0) with the kind in place of the error. It must not be written while a request on
 * the same inode waits for the writer: the kernel may wait for that request first.
 */
export function encodeInvalidateInode(inode: number): Buffer {
  const message = notification(Notification.invalidateInode, 24);
  writeUnsigned(message, OUT_HEADER_SIZE, inode);
  // Offset and length 0: the whole file.
  return message;
}

/** Message to the kernel: forget a name, positive or negative; see {@link encodeInvalidateInode} for when it may be written. */
export function encodeInvalidateEntry(parent: number, name: string): Buffer {
  const bytes = Buffer.from(name, 'utf8');
  const message = notification(Notification.invalidateEntry, 16 + bytes.length + 1);
  writeUnsigned(message, OUT_HEADER_SIZE, parent);
  message.writeUInt32LE(bytes.length, OUT_HEADER_SIZE + 8);
  bytes.copy(message, OUT_HEADER_SIZE + 16);
  return message;
}

function notification(kind: number, payloadLength: number): Buffer {
  const message = Buffer.alloc(OUT_HEADER_SIZE + payloadLength);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(kind, 4);
  return message;
}
