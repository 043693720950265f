// An HTTP service that is a cluster (envoy.config.core.v3.HttpService).

import type { HttpService } from "../../xds/gen/envoy/config/core/v3/http_service_pb.ts";
import { acceptOperation } from "./header-mutation.ts";
import { milliseconds, type Scope } from "./scope.ts";

export interface HttpTarget {
  readonly cluster: string;
  readonly authority: string;
  readonly path: string;
  /** 0 is none. */
  readonly timeoutMs: number;
  /** Names and values in turns. */
  readonly headers: readonly string[];
}

const NO_TARGET: HttpTarget = { cluster: "", authority: "", path: "/", timeoutMs: 0, headers: [] };

/** `uri` may be a path alone: the authority is the cluster's name then. */
export function acceptHttpService(scope: Scope, service: HttpService): HttpTarget {
  scope.only(service, ["httpUri", "requestHeadersToAdd"]);
  const uri = service.httpUri;
  if (uri?.httpUpstreamType.case !== "cluster") {
    scope.field("http_uri").reject("only a cluster is supported by Heddle's proxy");
    return NO_TARGET;
  }
  const cluster = uri.httpUpstreamType.value;
  const [, authority = "", path = ""] = /^(?:[a-z]+:\/\/([^/?]*))?(.*)$/i.exec(uri.uri) ?? [];
  return {
    cluster,
    authority: authority || cluster,
    path: path || "/",
    timeoutMs: milliseconds(uri.timeout, 0),
    headers: acceptFields(scope.field("request_headers_to_add"), service),
  };
}

function acceptFields(scope: Scope, { requestHeadersToAdd }: HttpService): readonly string[] {
  return requestHeadersToAdd.flatMap((option, i) => {
    const at = scope.index(i);
    const operation = acceptOperation(at, option);
    if (!operation) return [];
    const { name, value } = operation;
    const texts = value.flatMap((part) => (part.kind === "text" ? part.text : []));
    if (texts.length < value.length) at.field("header").field("value").reject("variables have no value in a report");
    return [name, texts.join("")];
  });
}
