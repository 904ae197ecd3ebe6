/** One request as the test doubles see it, wherever it came in: in process or over a socket. */
export interface HttpRequest {
  /** Upper-case method. */
  readonly method: string;
  /** Absolute URL, query included. */
  readonly url: string;
  /** Headers by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text; empty where there is none. */
  readonly body: string;
}

/** The answer to an {@link HttpRequest}. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** What answers requests. It never rejects: a fault is an answer with an error status. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
