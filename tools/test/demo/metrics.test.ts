import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { movedSeries, parseMetrics, scrape, total } from '../../demo/metrics.ts';

const page = (bytes: number) => `# HELP warpdrive_backend_bytes_read_total Bytes that crossed the network.
# TYPE warpdrive_backend_bytes_read_total counter
warpdrive_backend_bytes_read_total{backend="datasets-cac"} ${bytes}
warpdrive_backend_bytes_read_total{backend="a \\"b\\" {c} d"} 2e+06
warpdrive_backend_bytes_read_totals 99
warpdrive_fuse_operation_duration_seconds_bucket{operation="read",le="+Inf"} ${bytes}
warpdrive_fuse_operation_duration_seconds_count{operation="read"} ${bytes}
nodejs_eventloop_lag_seconds ${bytes}

`;

describe('metrics', () => {
  it('are read from the text format, with labels of any text', () => {
    const counters = parseMetrics(page(1));
    expect(counters.get('warpdrive_backend_bytes_read_total{backend="datasets-cac"}')).toBe(1);
    expect(counters.get('warpdrive_backend_bytes_read_total{backend="a \\"b\\" {c} d"}')).toBe(2e6);
  });

  it('are summed over all labels of one name', () => {
    expect(total(parseMetrics(page(5)), 'warpdrive_backend_bytes_read_total')).toBe(2_000_005);
    expect(total(parseMetrics(page(5)), 'warpdrive_nothing')).toBe(0);
  });

  it("have moved when they differ, new series too; buckets and the runtime's own do not count", () => {
    const before = parseMetrics(page(1).replace(/^.*_count.*\n/m, ''));
    expect(movedSeries(before, parseMetrics(page(7)))).toEqual([
      { series: 'warpdrive_backend_bytes_read_total{backend="datasets-cac"}', before: 1, after: 7 },
      { series: 'warpdrive_fuse_operation_duration_seconds_count{operation="read"}', before: 0, after: 7 },
    ]);
  });

  it('that cannot be scraped are an error with the answer', async () => {
    const server = createServer((_request, response) => response.writeHead(500).end('broken')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
    await expect(scrape(url, new AbortController().signal)).rejects.toMatchObject({
      code: 'ANSWER_WRONG',
      message: `${url} answered 500: broken`,
    });
    server.close();
  });
});
