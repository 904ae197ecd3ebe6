import type { OnEvent } from '@warpforge/cache-warmer';
import type { MetricsServer, Sample } from '@warpforge/metrics';

/** The metrics of a manager or worker while it runs. Disposing ends the server. */
export interface ServiceMetrics extends AsyncDisposable {
  readonly onEvent: OnEvent;
  /** Address of `/metrics`; undefined without a server. */
  readonly url: string | undefined;
}

/** Counts events as `warpforge_cachewarmer_*`, and serves them with `/healthz` where an address (`127.0.0.1:9091`) is given. */
export async function openServiceMetrics(address: string | undefined): Promise<ServiceMetrics> {
  if (address === undefined) return { onEvent: () => undefined, url: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  const { HealthChecks, MetricRegistry, MetricsServer } = await import('@warpforge/metrics');
  const registry = new MetricRegistry();
  registry.observeProcess();
  const counters = {
    jobs: registry.counter({ name: 'warpforge_cachewarmer_jobs_total', help: 'Jobs that have ended, by state.', labels: ['state'] }),
    items: registry.counter({
      name: 'warpforge_cachewarmer_items_total',
      help: 'Work items, by what became of them.',
      labels: ['outcome'],
    }),
    files: registry.counter({ name: 'warpforge_cachewarmer_files_read_total', help: 'Files read whole, by address.', labels: ['address'] }),
    bytes: registry.counter({ name: 'warpforge_cachewarmer_bytes_read_total', help: 'Bytes read, by address.', labels: ['address'] }),
    retries: registry.counter({
      name: 'warpforge_cachewarmer_file_retries_total',
      help: 'Files that an address failed to give.',
      labels: ['address'],
    }),
    poison: registry.counter({
      name: 'warpforge_cachewarmer_poison_messages_total',
      help: 'Messages moved to a poison queue.',
      labels: ['queue'],
    }),
    troubles: registry.counter({ name: 'warpforge_cachewarmer_troubles_total', help: 'Failures that are tried again later.' }),
  };
  const now = { live: undefined as number | undefined, wanted: undefined as number | undefined };
  registry.observedGauge({ name: 'warpforge_cachewarmer_instances', help: 'Workers that live, seen by the manager.' }, () =>
    sample(now.live),
  );
  registry.observedGauge({ name: 'warpforge_cachewarmer_instances_wanted', help: 'Workers that the work needs.' }, () =>
    sample(now.wanted),
  );
  const server: MetricsServer = await MetricsServer.listen({ ...parseAddress(address), registry, health: new HealthChecks() });
  return {
    url: server.url,
    onEvent(event) {
      switch (event.kind) {
        case 'job-ended': {
          counters.jobs.add({ state: event.report.state });
          return;
        }
        case 'item-done': {
          counters.items.add({ outcome: 'done' });
          return;
        }
        case 'item-failed': {
          counters.items.add({ outcome: 'failed_attempt' });
          return;
        }
        case 'item-handed-back': {
          counters.items.add({ outcome: 'handed_back' });
          return;
        }
        case 'lease-lost': {
          counters.items.add({ outcome: 'lease_lost' });
          return;
        }
        case 'bytes-read':
          counters.files.add({ address: event.address }, event.files);
          {
            counters.bytes.add({ address: event.address }, event.bytes);
            return;
          }
        case 'file-retried': {
          counters.retries.add({ address: event.address });
          return;
        }
        case 'message-poisoned': {
          counters.poison.add({ queue: event.queue });
          return;
        }
        case 'trouble': {
          counters.troubles.add({});
          return;
        }
        case 'instances':
          now.live = event.live;
          now.wanted = event.wanted;
          return undefined;
        default:
          return undefined;
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function sample(value: number | undefined): Sample<never>[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

/** `host:port`; the port is behind the last colon, so that IPv6 addresses need no brackets. */
function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
