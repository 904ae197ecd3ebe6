import { access } from 'node:fs/promises';
import { HealthChecks, MetricsServer, MetricsServerError } from '@warpforge/metrics';
import { parseMetricsAddress } from '../config/schema.ts';
import { TrainerError } from '../errors.ts';
import type { TrainingMetrics } from './metrics.ts';

/**
 * Serves the metrics, and under `/healthz` whether each of `roots` can still be reached, which a mount that died or hangs cannot.
 *
 * @param address as in the setting `metrics_addr`
 */
export async function serveMetrics(address: string, metrics: TrainingMetrics, roots: readonly string[]): Promise<MetricsServer> {
  const health = new HealthChecks();
  for (const root of new Set(roots)) health.add(root, () => access(root));
  try {
    return await MetricsServer.listen({ ...parseMetricsAddress(address), registry: metrics.registry, health });
  } catch (error) {
    if (!(error instanceof MetricsServerError)) throw error;
    throw new TrainerError('METRICS_NOT_SERVED', `the metrics address ${error.message}; choose another with --metrics-addr`, {
      cause: error,
    });
  }
}
