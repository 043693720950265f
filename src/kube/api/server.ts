// The embedded API on a socket: loopback by default, without credentials, so it must not be reachable from a web page.

import { Failure } from "../../base/failure.ts";
import { failure } from "../status.ts";
import type { KubeApi } from "./api.ts";
import { failureReply } from "./reply.ts";

export interface ServeOptions {
  readonly api: KubeApi;
  /** Default 127.0.0.1. */
  readonly hostname?: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Names besides localhost and loopback addresses under which clients may reach the server. */
  readonly hostNames?: readonly string[];
}

export interface ServedApi {
  readonly url: string;
  readonly port: number;
  /** Ends watches, waits at most `graceMs` for requests under way, then closes every connection. */
  readonly stop: (graceMs?: number) => Promise<void>;
}

/** A client that sends nothing, or takes nothing, for so long loses its connection; watches are exempt. */
const IDLE_SECONDS = 30;

/** Bun drops larger bodies unread and without a Status; the API's own limit, far below, has one. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Refuses what a browser sends for a page. A name that resolves to this machine (DNS rebinding) has a Host that is not ours;
 * a form or a fetch of another origin carries Origin or Sec-Fetch-Site. No client of the API sends either.
 */
function refuseBrowsers(request: Request, hostNames: ReadonlySet<string>): void {
  const host = new URL(request.url).hostname.toLowerCase();
  if (!isLoopback(host) && !hostNames.has(host)) {
    throw failure(403, "Forbidden", `the host ${JSON.stringify(host)} is not a name of this server`);
  }
  const site = request.headers.get("sec-fetch-site");
  if (request.headers.has("origin") || (site !== null && site !== "none")) {
    throw failure(403, "Forbidden", "requests from web pages are not accepted");
  }
}

function listenFailure(hostname: string, port: number, cause: unknown): Failure {
  const code = cause instanceof Error && "code" in cause ? cause.code : "";
  if (code === "EADDRINUSE") {
    return new Failure(`cannot serve the Kubernetes API on ${hostname}:${port}: the port is in use`, {
      hint: "choose another port, or stop the program that uses it",
      cause,
    });
  }
  return new Failure(`cannot serve the Kubernetes API on ${hostname}:${port}: ${Failure.from(cause).message}`, {
    cause,
  });
}

/** Serves `api` until stopped. Throws a Failure when the address cannot be had. */
export function serveApi({ api, hostname = "127.0.0.1", port, hostNames = [] }: ServeOptions): ServedApi {
  const names = new Set(hostNames.map((name) => name.toLowerCase()));
  const server = listen();
  return {
    url: `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`,
    port: server.port!,
    stop,
  };

  function listen() {
    try {
      return Bun.serve({
        hostname,
        port,
        idleTimeout: IDLE_SECONDS,
        maxRequestBodySize: MAX_REQUEST_BYTES,
        development: false,
        // With development off, Bun lets a second server take the same port and share its connections unless told not to.
        reusePort: false,
        async fetch(request, self) {
          try {
            refuseBrowsers(request, names);
          } catch (error) {
            return failureReply(error);
          }
          const response = await api.handle(request);
          if (request.method === "GET" && response.ok && new URL(request.url).searchParams.has("watch"))
            self.timeout(request, 0);
          return response;
        },
      });
    } catch (error) {
      throw listenFailure(hostname, port, error);
    }
  }

  async function stop(graceMs = 2_000): Promise<void> {
    api.close();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    await Promise.race([server.stop(), late]);
    clearTimeout(timer);
    await server.stop(true);
  }
}
