import { describe, expect, it } from 'vitest';
import { MetricRegistry } from '../src/index.ts';

/** The sample lines of an exposition, without comments. */
async function samples(registry: MetricRegistry): Promise<string[]> {
  return (await registry.expose()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('MetricRegistry', () => {
  it('exposes counters and histograms in the Prometheus text format', async () => {
    const registry = new MetricRegistry();
    const requests = registry.counter({ name: 'app_requests_total', help: 'Requests.', labels: ['method'] });
    const duration = registry.histogram({ name: 'app_seconds', help: 'Durations.', labels: ['method'], buckets: [0.1, 1] });
    requests.add({ method: 'GET' });
    requests.add({ method: 'GET' }, 2);
    duration.observe({ method: 'GET' }, 0.5);

    expect(await samples(registry)).toEqual([
      'app_requests_total{method="GET"} 3',
      'app_seconds_bucket{le="0.1",method="GET"} 0',
      'app_seconds_bucket{le="1",method="GET"} 1',
      'app_seconds_bucket{le="+Inf",method="GET"} 1',
      'app_seconds_sum{method="GET"} 0.5',
      'app_seconds_count{method="GET"} 1',
    ]);
    expect(await registry.expose()).toContain('# TYPE app_requests_total counter');
    expect(registry.contentType).toContain('text/plain');
  });

  it('creates no series that nothing has moved', async () => {
    const registry = new MetricRegistry();
    registry.counter({ name: 'a_total', help: 'A.', labels: ['backend'] });
    registry.histogram({ name: 'b_seconds', help: 'B.', labels: ['backend'], buckets: [1] });
    registry.observedCounter({ name: 'c_total', help: 'C.', labels: ['backend'] }, () => [{ labels: { backend: 'x' }, value: 0 }]);
    registry.observedGauge({ name: 'd_bytes', help: 'D.', labels: ['backend'] }, () => []);
    expect(await samples(registry)).toEqual([]);
  });

  it('starts a metric without labels at zero, so that rate() sees its first step', async () => {
    const registry = new MetricRegistry();
    registry.counter({ name: 'a_total', help: 'A.' });
    expect(await samples(registry)).toEqual(['a_total 0']);
  });

  it('reads observed values at each scrape and never adds them up twice', async () => {
    const registry = new MetricRegistry();
    let total = 5;
    let size = 100;
    registry.observedCounter({ name: 'hits_total', help: 'Hits.' }, () => [{ labels: {}, value: total }]);
    registry.observedGauge({ name: 'size_bytes', help: 'Size.' }, () => [{ labels: {}, value: size }]);
    expect(await samples(registry)).toEqual(['hits_total 5', 'size_bytes 100']);
    total = 7;
    size = 20;
    expect(await samples(registry)).toEqual(['hits_total 7', 'size_bytes 20']);
  });

  it('drops a gauge series that is no longer read', async () => {
    const registry = new MetricRegistry();
    let backends = ['a', 'b'];
    registry.observedGauge({ name: 'up', help: 'Up.', labels: ['backend'] }, () =>
      backends.map((backend) => ({ labels: { backend }, value: 1 })),
    );
    expect(await samples(registry)).toHaveLength(2);
    backends = ['b'];
    expect(await samples(registry)).toEqual(['up{backend="b"} 1']);
  });

  it('has no gauge without labels before it has a value', async () => {
    const registry = new MetricRegistry();
    let loss: number | undefined;
    registry.observedGauge({ name: 'loss', help: 'Loss.' }, () => (loss === undefined ? [] : [{ labels: {}, value: loss }]));
    expect(await samples(registry)).toEqual([]);
    loss = 0.5;
    expect(await samples(registry)).toEqual(['loss 0.5']);
    loss = undefined;
    expect(await samples(registry)).toEqual([]);
  });

  it('refuses to decrease a counter', () => {
    const counter = new MetricRegistry().counter({ name: 'a_total', help: 'A.' });
    expect(() => counter.add({}, -1)).toThrow(/decrease/);
  });

  it('observes the process when asked', async () => {
    const registry = new MetricRegistry();
    registry.observeProcess();
    expect((await samples(registry)).find((line) => line.startsWith('process_resident_memory_bytes '))).toMatch(/ \d+$/);
  });

  it('keeps registries apart', async () => {
    const first = new MetricRegistry();
    const second = new MetricRegistry();
    first.counter({ name: 'a_total', help: 'A.' }).add({}, 1);
    second.counter({ name: 'a_total', help: 'A.' });
    expect(await samples(first)).toEqual(['a_total 1']);
    expect(await samples(second)).toEqual(['a_total 0']);
  });
});
