// A copy of a request on its way to another cluster (mirroring). Nobody waits for it: it is dropped rather than slow anything down.

import { isGrpcContent } from "../../grpc/content.ts";
import { getHeader, type HeaderList } from "../../http/headers.ts";
import { type ClientStream, RequestHead, type ResponseHead } from "../../http/stream.ts";
import { isChosen } from "../../table/fraction.ts";
import type { MirrorPolicy } from "../../table/mirror-policy.ts";
import { setSampled } from "../trace.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { NO_PREFERENCE } from "../upstream/load-balancer-context.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import { RequestBody } from "./request-body.ts";

export interface ShadowOptions {
  readonly hostSuffix: boolean;
  readonly traceSampled: boolean | undefined;
  /** Until the response begins; 0 is none. */
  readonly timeoutMs: number;
  /** No body follows. */
  readonly headOnly: boolean;
}

/** `a:80` → `a-shadow:80` (Envoy: FilterUtility::shadow host). */
function shadowAuthority(authority: string): string {
  const colon = authority.endsWith("]") ? -1 : authority.lastIndexOf(":");
  return colon === -1 ? `${authority}-shadow` : `${authority.slice(0, colon)}-shadow${authority.slice(colon)}`;
}

function copyHead(head: RequestHead, { hostSuffix, traceSampled }: ShadowOptions): RequestHead {
  const { method, scheme, authority, path, headers, protocol, contentLength } = head;
  const copy = [...headers];
  if (traceSampled !== undefined) setSampled(copy, traceSampled);
  const host = hostSuffix ? shadowAuthority(authority) : authority;
  return new RequestHead(method, scheme, host, path, copy, protocol, contentLength, undefined);
}

/** The copies of a request that the policies want. */
export function beginShadows(
  { head, requestIsHeadOnly: headOnly }: { readonly head: RequestHead; readonly requestIsHeadOnly: boolean },
  policies: readonly MirrorPolicy[],
  clusters: ReadonlyMap<string, Cluster>,
  timeoutMs: number,
): readonly Shadow[] {
  return policies.flatMap(({ cluster: by, fraction, hostSuffix, traceSampled }) => {
    const name = by.kind === "name" ? by.name : getHeader(head.headers, by.header);
    const cluster = name === undefined ? undefined : clusters.get(name);
    if (!cluster || !isChosen(fraction, Math.random())) return [];
    return Shadow.begin(head, cluster, { hostSuffix, traceSampled, timeoutMs, headOnly }) ?? [];
  });
}

export class Shadow implements AttemptOwner {
  readonly head: RequestHead;
  readonly requestIsHeadOnly: boolean;
  readonly isGrpc: boolean;
  readonly #cluster: Cluster;
  readonly #body: RequestBody | undefined;
  #attempt: Attempt | undefined;
  #upstream: ClientStream | undefined;
  #over = false;

  /** Undefined when the cluster is full or has no host. */
  static begin(original: RequestHead, cluster: Cluster, options: ShadowOptions): Shadow | undefined {
    if (!cluster.breakers.admitRequest()) return undefined;
    const host = cluster.choose(NO_PREFERENCE);
    if (!host) {
      cluster.breakers.releaseRequest();
      return undefined;
    }
    cluster.stats.requests++;
    const shadow = new Shadow(copyHead(original, options), cluster, options.headOnly);
    const owner = cluster.ownerOf(host);
    const { protocol } = owner.table;
    const wanted = protocol === "downstream" ? (original.protocol === "HTTP/2" ? "http2" : "http1") : protocol;
    shadow.#attempt = new Attempt(
      shadow,
      owner,
      host,
      owner.pool(host, wanted, "default", shadow.head.authority),
      undefined,
    );
    shadow.#attempt.begin(options.timeoutMs, 0);
    return shadow;
  }

  private constructor(head: RequestHead, cluster: Cluster, headOnly: boolean) {
    this.head = head;
    this.requestIsHeadOnly = headOnly;
    this.isGrpc = isGrpcContent(getHeader(head.headers, "content-type"));
    this.#cluster = cluster;
    if (headOnly) return;
    this.#body = new RequestBody();
    this.#body.forgetWhenSent();
  }

  // ── what the original does ──

  onRequestData(chunk: Uint8Array): void {
    if (this.#over || this.#body?.take(chunk, this.#upstream)) return;
    this.end(); // it would have to wait
  }

  onRequestEnd(trailers: HeaderList | undefined): void {
    if (!this.#over) this.#body?.end(trailers, this.#upstream);
  }

  /** The original is over: a copy that is whole goes on. */
  onOriginalOver(): void {
    if (this.#body && !this.#body.ended) this.end();
  }

  // ── what the attempt reports ──

  onUpstreamOpen(upstream: ClientStream): void {
    this.#upstream = upstream;
    this.#body?.send(upstream);
  }

  onPerTryTimeout(): boolean {
    return false;
  }

  onRequestWritable(): void {}
  onInform(): void {}
  onResponseData(): void {}

  onResponse(_attempt: Attempt, _head: ResponseHead, end: boolean): void {
    if (end) this.end();
  }

  onResponseEnd(): void {
    this.end();
  }

  onAttemptFailure(): void {
    this.end();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#attempt?.abandon();
    this.#cluster.breakers.releaseRequest();
  }
}
