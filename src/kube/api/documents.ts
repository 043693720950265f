// The documents that do not change while the server runs: discovery, OpenAPI, version, health. Made when first asked for, and
// tagged by their content, so that kubectl's cache asks again for nothing but a confirmation.

import type { JsonObject } from "../json.ts";
import type { Schemas } from "../schemas/core.ts";
import { negotiate } from "./accept.ts";
import { aggregatedDiscovery, discoveryDocument } from "./discovery.ts";
import { openApiV2, openApiV3, openApiV3Paths } from "./openapi.ts";
import { encodeOpenApiV2 } from "./openapi-protobuf.ts";

interface Document {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly tag: string;
}

/**
 * The version of Kubernetes whose API conventions are followed. kubectl warns when it is more than one minor version apart
 * from its own, so this is in the middle of those in use.
 */
const VERSION = {
  major: "1",
  minor: "33",
  gitVersion: "v1.33.0+heddle",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "bun",
  platform: `${process.platform}/${process.arch}`,
};

const ROOT_PATHS = [
  "/api",
  "/api/v1",
  "/apis",
  "/healthz",
  "/livez",
  "/openapi/v2",
  "/openapi/v3",
  "/readyz",
  "/version",
];
const PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

function document(bytes: Uint8Array<ArrayBuffer>, contentType: string): Document {
  return { bytes, contentType, tag: Bun.hash(bytes).toString(16).padStart(16, "0").toUpperCase() };
}

function jsonDocument(body: JsonObject, contentType = "application/json"): Document {
  return document(new TextEncoder().encode(JSON.stringify(body)), contentType);
}

/** Makes and keeps the documents of one server. */
export class Documents {
  readonly #schemas: Schemas;
  readonly #made = new Map<string, Document>();

  constructor(schemas: Schemas) {
    this.#schemas = schemas;
  }

  /** The response for a path that is a document, or undefined. */
  respond(request: Request, url: URL): Response | undefined {
    const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, "") : "/";
    if (path === "/healthz" || path === "/livez" || path === "/readyz") return new Response("ok");
    const found = this.#find(path, request.headers.get("accept"), url.host);
    if (!found) return undefined;
    const headers = {
      "content-type": found.contentType,
      etag: `"${found.tag}"`,
      vary: "Accept",
      // With the hash in its address a document never changes.
      "cache-control":
        url.searchParams.get("hash") === found.tag ? "public, immutable, max-age=31536000" : "public, no-cache",
    };
    if (request.headers.get("if-none-match") === headers.etag) return new Response(null, { status: 304, headers });
    return new Response(found.bytes, { headers });
  }

  #find(path: string, accept: string | null, host: string): Document | undefined {
    if (path === "/") return this.#cached(path, () => jsonDocument({ paths: ROOT_PATHS }));
    if (path === "/version") return this.#cached(path, () => jsonDocument(VERSION));
    if (path === "/openapi/v2") return this.#openApiV2(accept ?? "");
    if (path === "/openapi/v3") return this.#cached(path, () => this.#openApiV3Index());
    if (path.startsWith("/openapi/v3/")) return this.#openApiV3(path.slice("/openapi/v3/".length));
    return path.startsWith("/api") ? this.#discovery(path, accept, host) : undefined;
  }

  #cached(key: string, make: () => Document): Document {
    let found = this.#made.get(key);
    if (!found) {
      found = make();
      this.#made.set(key, found);
    }
    return found;
  }

  #discovery(path: string, accept: string | null, host: string): Document | undefined {
    if (path === "/api" || path === "/apis") {
      const { shape, version } = negotiate(accept, ["object", "discovery"]);
      if (shape === "discovery") {
        const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
        return this.#cached(`${path} ${version}`, () => jsonDocument(aggregatedDiscovery(path, version), contentType));
      }
    }
    const body = discoveryDocument(path, host);
    return body && jsonDocument(body);
  }

  #openApiV2(accept: string): Document {
    if (!accept.includes("protobuf")) return this.#cached("v2 json", () => jsonDocument(openApiV2(this.#schemas)));
    return this.#cached("v2 protobuf", () => document(encodeOpenApiV2(openApiV2(this.#schemas)), PROTOBUF_V2));
  }

  #openApiV3Index(): Document {
    const paths = [...openApiV3Paths().keys()].map((path) => {
      const serverRelativeURL = `/openapi/v3/${path}?hash=${this.#openApiV3(path)!.tag}`;
      return [path, { serverRelativeURL }] as const;
    });
    return jsonDocument({ paths: Object.fromEntries(paths) });
  }

  #openApiV3(path: string): Document | undefined {
    const apiVersion = openApiV3Paths().get(path);
    return apiVersion === undefined
      ? undefined
      : this.#cached(`v3 ${path}`, () => jsonDocument(openApiV3(apiVersion, this.#schemas)));
  }
}
