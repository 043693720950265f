// Probing of peers that may have vanished: PINGs of HTTP/2, and TCP's own.

import type { TcpKeepalive } from "../../xds/gen/envoy/config/core/v3/address_pb.ts";
import type { KeepaliveSettings } from "../../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import { type SocketOption, SocketOption_SocketState } from "../../xds/gen/envoy/config/core/v3/socket_option_pb.ts";
import type { Keepalive } from "../http.ts";
import type { TcpKeepalive as TcpKeepaliveTable } from "../tcp-keepalive.ts";
import { milliseconds, type Scope } from "./scope.ts";

const OFF: Keepalive = { keepaliveIntervalMs: 0, keepaliveTimeoutMs: 0 };

export function acceptKeepalive(scope: Scope, settings: KeepaliveSettings | undefined): Keepalive {
  if (!settings) return OFF;
  scope.only(settings, ["interval", "timeout", "intervalJitter"]);
  const keepaliveTimeoutMs = milliseconds(settings.timeout, 0);
  // Envoy's rule (KeepaliveSettings.timeout, required and at least 1 ms).
  if (keepaliveTimeoutMs < 1) scope.field("timeout").reject("must be at least 1 ms");
  return { keepaliveIntervalMs: milliseconds(settings.interval, 0), keepaliveTimeoutMs };
}

export function acceptTcpKeepalive(scope: Scope, settings: TcpKeepalive | undefined): TcpKeepaliveTable | undefined {
  if (!settings) return undefined;
  scope.only(settings, ["keepaliveProbes", "keepaliveTime", "keepaliveInterval"]);
  return {
    probes: settings.keepaliveProbes,
    idleSeconds: settings.keepaliveTime,
    intervalSeconds: settings.keepaliveInterval,
  };
}

/** Linux's numbers: SOL_SOCKET, SO_KEEPALIVE; IPPROTO_TCP, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. */
const OPTIONS: ReadonlyMap<string, "on" | "idleSeconds" | "intervalSeconds" | "probes"> = new Map([
  ["1/9", "on"],
  ["6/4", "idleSeconds"],
  ["6/5", "intervalSeconds"],
  ["6/6", "probes"],
]);

/** Keep-alive as the socket options that people configure it with on listeners; other options are refused. */
export function acceptKeepaliveOptions(scope: Scope, options: readonly SocketOption[]): TcpKeepaliveTable | undefined {
  let on = false;
  const found: Partial<Record<"idleSeconds" | "intervalSeconds" | "probes", number>> = {};
  options.forEach((option, i) => {
    const at = scope.index(i);
    at.only(option, ["description", "level", "name", "value", "state"]);
    const name = OPTIONS.get(`${option.level}/${option.name}`);
    if (!name || option.value.case !== "intValue") {
      at.reject(`option ${option.name} of level ${option.level} is not supported by Heddle's proxy`);
      return;
    }
    // STATE_BOUND is too late for Envoy's listeners to hand them on; the two others mean each accepted connection here.
    if (option.state === SocketOption_SocketState.STATE_BOUND) at.field("state").reject("STATE_BOUND is not supported");
    const value = Number(option.value.value);
    if (name === "on") on = value !== 0;
    else found[name] = value;
  });
  if (!on) return undefined;
  return { probes: found.probes, idleSeconds: found.idleSeconds, intervalSeconds: found.intervalSeconds };
}
