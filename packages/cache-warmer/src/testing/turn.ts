/** That of the system also while a test decides how time passes. */
const immediate = setImmediate;

/** A request takes at least one turn of the event loop, so that callers interleave as they do with a service. Stops at an abort. */
export async function turn(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise((resolve) => immediate(resolve));
  signal.throwIfAborted();
}
