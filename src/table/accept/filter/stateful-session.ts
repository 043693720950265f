// envoy.extensions.filters.http.stateful_session.v3.StatefulSession

import type {
  StatefulSession,
  StatefulSessionPerRoute,
} from "../../../xds/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts";
import { CookieBasedSessionStateSchema } from "../../../xds/gen/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.ts";
import { HeaderBasedSessionStateSchema } from "../../../xds/gen/envoy/extensions/http/stateful_session/header/v3/header_pb.ts";
import type { Cookie } from "../../../xds/gen/envoy/type/http/v3/cookie_pb.ts";
import type { SessionState, StatefulSessionFilter } from "../../filter/stateful-session.ts";
import { isA, milliseconds, type Scope } from "../scope.ts";

function acceptCookie(scope: Scope, cookie: Cookie | undefined): SessionState | undefined {
  if (!cookie) {
    scope.reject("missing");
    return undefined;
  }
  scope.only(cookie, ["name", "ttl", "path"]);
  if (cookie.name === "") scope.field("name").reject("empty");
  const ttlSeconds = Math.floor(milliseconds(cookie.ttl, 0) / 1_000);
  return { kind: "cookie", name: cookie.name, path: cookie.path, ttlSeconds, attributes: "" };
}

function acceptState(scope: Scope, config: StatefulSession): SessionState | undefined {
  const any = config.sessionState?.typedConfig;
  if (!any) return undefined;
  if (isA(any, HeaderBasedSessionStateSchema)) {
    const header = scope.unpack(any, HeaderBasedSessionStateSchema);
    if (header?.name === "") scope.field("name").reject("empty");
    return header && { kind: "header", name: header.name.toLowerCase() };
  }
  const cookie = scope.unpack(any, CookieBasedSessionStateSchema);
  return cookie && acceptCookie(scope.field("cookie"), cookie.cookie);
}

export function acceptStatefulSession(scope: Scope, config: StatefulSession): StatefulSessionFilter {
  scope.only(config, ["sessionState", "strict"]);
  const state = acceptState(scope.field("session_state").field("typed_config"), config);
  return { kind: "stateful-session", state, strict: config.strict };
}

export function acceptStatefulSessionRoute(
  scope: Scope,
  { override }: StatefulSessionPerRoute,
): StatefulSessionFilter | { readonly kind: "disabled" } {
  if (override.case === "statefulSession")
    return acceptStatefulSession(scope.field("stateful_session"), override.value);
  if (override.case === undefined) scope.reject("neither disabled nor stateful_session");
  return { kind: "disabled" };
}
