import { InferenceSession, listSupportedBackends } from 'onnxruntime-node';
import { TrainerError } from '../errors.ts';
import type { Device } from './protocol.ts';

/** What a graph is computed with. */
export interface SessionSettings {
  readonly device: Device;
  /** CPU threads of ONNX Runtime. */
  readonly threads: number;
}

/**
 * Loads a graph on a device. The results named by `keep` stay in the memory of the device, where the next run finds them.
 * Throws `DEVICE_UNAVAILABLE` where this machine has no adapter for WebGPU.
 */
export async function createSession(
  model: Uint8Array,
  { device, threads }: SessionSettings,
  keep: readonly string[] = [],
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // Threads that wait must not spin: the cores between two operators belong to the loader, which decodes the next batches there.
    // (With all cores busy, a step took 3 times as long with spinning.)
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
  if (device === 'cpu') return await InferenceSession.create(model, options);
  if (!listSupportedBackends().some(({ name }) => name === device)) {
    throw unavailable('the ONNX Runtime of this platform is built without WebGPU');
  }
  try {
    return await InferenceSession.create(model, {
      ...options,
      executionProviders: [device],
      preferredOutputLocation: Object.fromEntries(keep.map((name) => [name, 'gpu-buffer'])),
    });
  } catch (cause) {
    if (!(cause instanceof Error) || !cause.message.includes(NO_ADAPTER)) throw cause;
    throw unavailable('no WebGPU adapter was found; it takes a graphics card and its Vulkan driver (on Debian also libvulkan1)', cause);
  }
}

/** What ONNX Runtime says, among file names, where there is no adapter. */
const NO_ADAPTER = 'Failed to get a WebGPU adapter';

function unavailable(reason: string, cause?: Error): TrainerError {
  return new TrainerError('DEVICE_UNAVAILABLE', `--device webgpu: ${reason}. Compute with --device cpu instead`, { cause });
}
