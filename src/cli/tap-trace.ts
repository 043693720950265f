// Traces of a proxy's tap as they come, and one of them in a line.

interface Field {
  readonly key: string;
  readonly value: string;
}

interface Part {
  readonly headers?: readonly Field[];
  readonly headers_received_time?: string;
}

/** envoy.data.tap.v3.TraceWrapper in JSON, as far as a line tells of it. */
export interface Trace {
  readonly http_buffered_trace: {
    readonly request: Part;
    readonly response: Part;
    readonly downstream_connection?: {
      readonly remote_address?: { readonly socket_address?: { readonly address: string; readonly port_value: number } };
    };
  };
}

/** The end of a trace: the only line that is a brace alone. */
const END = "\n}\n";

export class TraceReader {
  #text = "";

  /** The traces that are whole with `text`. */
  read(text: string): readonly Trace[] {
    this.#text += text;
    const traces: Trace[] = [];
    for (let end = this.#text.indexOf(END); end !== -1; end = this.#text.indexOf(END)) {
      traces.push(JSON.parse(this.#text.slice(0, end + END.length)) as Trace);
      this.#text = this.#text.slice(end + END.length);
    }
    return traces;
  }
}

function field({ headers = [] }: Part, name: string): string {
  return headers.find(({ key }) => key === name)?.value ?? "-";
}

/** `503 GET http://shop.test/cart 127.0.0.1:40312 12 ms`; the time is that to the response's head. */
export function traceLine({ http_buffered_trace: { request, response, downstream_connection: from } }: Trace): string {
  const url = `${field(request, ":scheme")}://${field(request, ":authority")}${field(request, ":path")}`;
  const at = from?.remote_address?.socket_address;
  const ms = Date.parse(response.headers_received_time ?? "") - Date.parse(request.headers_received_time ?? "");
  const took = Number.isNaN(ms) ? "no answer" : `${ms} ms`;
  return `${field(response, ":status")} ${field(request, ":method")} ${url} ${at ? `${at.address}:${at.port_value}` : "-"} ${took}`;
}
