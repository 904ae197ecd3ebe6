import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server in place of the Azure Retail Prices API, which answers as a test says. */
export class PriceEndpoint implements AsyncDisposable {
  readonly #server = createServer((request, response) => {
    const url = new URL(request.url ?? '', this.url);
    this.filters.push(url.searchParams.get('$filter') ?? '');
    this.#answer(url, response, request);
  });
  readonly #answer: (url: URL, response: ServerResponse, request: IncomingMessage) => void;
  /** `$filter` of every request. */
  readonly filters: string[] = [];

  private constructor(answer: (url: URL, response: ServerResponse, request: IncomingMessage) => void) {
    this.#answer = answer;
  }

  static async open(answer: (url: URL, response: ServerResponse, request: IncomingMessage) => void): Promise<PriceEndpoint> {
    const endpoint = new PriceEndpoint(answer);
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  /** Answers every request with these rows, on one page. */
  static withRows(rows: readonly object[]): Promise<PriceEndpoint> {
    return PriceEndpoint.open((_url, response) => sendPage(response, rows));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/retail/prices`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function sendPage(response: ServerResponse, rows: readonly object[], next: string | null = null): void {
  const page = {
    BillingCurrency: 'USD',
    CustomerEntityId: 'Default',
    CustomerEntityType: 'Retail',
    Items: rows,
    NextPageLink: next,
    Count: rows.length,
  };
  response.setHeader('content-type', 'application/json').end(JSON.stringify(page));
}

/** A row as the service has it for a D4s_v5 in Canada Central. */
export const VM_ROW = {
  currencyCode: 'USD',
  tierMinimumUnits: 0,
  retailPrice: 0.214,
  unitPrice: 0.214,
  armRegionName: 'canadacentral',
  location: 'CA Central',
  effectiveStartDate: '2021-11-01T00:00:00Z',
  meterName: 'D4s v5',
  productName: 'Virtual Machines Dsv5 Series',
  skuName: 'D4s v5',
  serviceName: 'Virtual Machines',
  serviceFamily: 'Compute',
  unitOfMeasure: '1 Hour',
  type: 'Consumption',
  isPrimaryMeterRegion: true,
  armSkuName: 'Standard_D4s_v5',
};

/** A row of a disk of 64 GiB. */
export const DISK_ROW = {
  ...VM_ROW,
  retailPrice: 5.28,
  unitPrice: 5.28,
  meterName: 'E6 LRS Disk',
  productName: 'Standard SSD Managed Disks',
  skuName: 'E6 LRS',
  serviceName: 'Storage',
  unitOfMeasure: '1/Month',
  armSkuName: 'StandardSSD_LRS',
};

/** A row of a public address. */
export const ADDRESS_ROW = {
  ...VM_ROW,
  retailPrice: 0.005,
  unitPrice: 0.005,
  meterName: 'Standard IPv4 Static Public IP',
  productName: 'IP Addresses',
  skuName: 'Standard',
  serviceName: 'Virtual Network',
  armSkuName: '',
};
