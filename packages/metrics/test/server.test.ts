import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HealthChecks, MetricRegistry, MetricsServer, MetricsServerError } from '../src/index.ts';

function listen(port = 0, health = new HealthChecks(), registry = new MetricRegistry()): Promise<MetricsServer> {
  return MetricsServer.listen({ host: '127.0.0.1', port, health, registry });
}

describe('MetricsServer', () => {
  it('serves the registry at /metrics', async () => {
    const registry = new MetricRegistry();
    registry.counter({ name: 'a_total', help: 'A.' }).add({}, 3);
    await using server = await listen(0, new HealthChecks(), registry);
    const response = await fetch(`${server.url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(registry.contentType);
    expect(await response.text()).toContain('\na_total 3\n');
  });

  it('answers /healthz with 200 or 503 and the checks as JSON', async () => {
    const health = new HealthChecks();
    let fails = false;
    health.add('cache', () => {
      if (fails) throw new Error('disk is full');
    });
    await using server = await listen(0, health);
    const good = await fetch(`${server.url}/healthz`);
    expect([good.status, await good.json()]).toEqual([200, { status: 'ok', checks: { cache: { status: 'ok' } } }]);
    fails = true;
    const bad = await fetch(`${server.url}/healthz`);
    expect([bad.status, await bad.json()]).toEqual([
      503,
      { status: 'degraded', checks: { cache: { status: 'failed', message: 'disk is full' } } },
    ]);
  });

  it('answers HEAD without a body, other paths with 404 and other methods with 405', async () => {
    await using server = await listen();
    const head = await fetch(`${server.url}/metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${server.url}/`)).status).toBe(404);
    expect((await fetch(`${server.url}//`)).status).toBe(404);
    expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${server.url}/metrics?name=x`)).status).toBe(200);
  });

  it('answers 500 with the reason when a metric cannot be read', async () => {
    const registry = new MetricRegistry();
    registry.observedGauge({ name: 'a', help: 'A.' }, () => {
      throw new Error('no statistics now');
    });
    await using server = await listen(0, new HealthChecks(), registry);
    const response = await fetch(`${server.url}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, 'no statistics now\n']);
  });

  it('says that the address is in use', async () => {
    await using first = await listen();
    const port = Number(new URL(first.url).port);
    const error = await listen(port).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MetricsServerError);
    expect(error).toMatchObject({ code: 'METRICS_ADDRESS_IN_USE', message: `127.0.0.1:${port} is in use by another process` });
  });

  it('says why it cannot listen otherwise', async () => {
    const listening = MetricsServer.listen({ host: '192.0.2.1', port: 0, registry: new MetricRegistry(), health: new HealthChecks() });
    await expect(listening).rejects.toMatchObject({ code: 'METRICS_LISTEN' });
  });

  it('closes at once, open connections too, and frees the port', async () => {
    const server = await listen();
    const port = Number(new URL(server.url).port);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await server[Symbol.asyncDispose]();
    await closed;
    await using again = await listen(port);
    expect(again.url).toBe(`http://127.0.0.1:${port}`);
  });
});
