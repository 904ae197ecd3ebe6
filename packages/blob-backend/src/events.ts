// What this package tells the world through `node:diagnostics_channel`. Nothing is built or sent while nobody listens.
import { channel } from 'node:diagnostics_channel';
import type { BlobError } from './errors.ts';

/** One finished request, on the channel `warpforge:blob-backend:request`. */
export interface RequestEvent {
  /** The backend's name. */
  readonly backend: string;
  /** A listing counts page by page; a read counts from its start to its last byte, or to where its reader left it. */
  readonly operation: 'list' | 'stat' | 'read';
  readonly durationMs: number;
  /** Content bytes that arrived. */
  readonly bytes: number;
  /** Absent when it succeeded. Requests that the caller aborted carry no error either. */
  readonly error?: BlobError;
}

/** Content bytes as they cross the network, on the channel `warpforge:blob-backend:bytes`. */
export interface BytesEvent {
  readonly backend: string;
  readonly bytes: number;
}

/** An access token was asked for, on the channel `warpforge:blob-backend:token`. */
export interface TokenEvent {
  readonly backend: string;
  /** The configured auth method. */
  readonly method: string;
  readonly durationMs: number;
  readonly ok: boolean;
}

/** Names of the channels. */
export const CHANNELS = {
  request: 'warpforge:blob-backend:request',
  bytes: 'warpforge:blob-backend:bytes',
  token: 'warpforge:blob-backend:token',
} as const;

export const requestChannel = channel(CHANNELS.request);
export const bytesChannel = channel(CHANNELS.bytes);
export const tokenChannel = channel(CHANNELS.token);
