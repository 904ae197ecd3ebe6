import type { BytesEvent, RequestEvent, TokenEvent } from '@warpforge/blob-backend';
import type { CorruptionEvent, DegradedEvent } from '@warpforge/block-cache';
import type { FaultEvent, OperationEvent, PassthroughOpenEvent, ReadErrorEvent } from '@warpforge/fuse-fs';
import { subscribe, unsubscribe, type ChannelListener } from 'node:diagnostics_channel';

/** Diagnostics channels of the libraries, and what each publishes. */
export interface Events {
  'warpforge:blob-backend:request': RequestEvent;
  'warpforge:blob-backend:bytes': BytesEvent;
  'warpforge:blob-backend:token': TokenEvent;
  'warpforge:block-cache:corruption': CorruptionEvent;
  'warpforge:block-cache:degraded': DegradedEvent;
  'warpforge:fuse-fs:operation': OperationEvent;
  'warpforge:fuse-fs:passthrough-open': PassthroughOpenEvent;
  'warpforge:fuse-fs:read-error': ReadErrorEvent;
  'warpforge:fuse-fs:fault': FaultEvent;
}

/** Listens to the events of a library until disposed. */
export function listen<Name extends keyof Events>(name: Name, onEvent: (event: Events[Name]) => void): Disposable {
  // A diagnostics channel carries `unknown`; what a library publishes there is what its documented type says.
  const listener: ChannelListener = (message) => onEvent(message as Events[Name]);
  subscribe(name, listener);
  return { [Symbol.dispose]: () => void unsubscribe(name, listener) };
}
