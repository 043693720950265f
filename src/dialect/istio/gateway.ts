// Gateway → the doors that gateway proxies open.

import { parseAddress } from "../../base/cidr.ts";
import { isUnixAddress } from "../../model/endpoint.ts";
import type { Gateway, GatewayServer, ServerHost } from "../../model/gateway.ts";
import { isHttp, type Protocol } from "../../model/protocol.ts";
import { decodeObject } from "../decode.ts";
import { badAddress, notOneOf, outOfRange } from "../diagnostics.ts";
import { wildcardProblem } from "../formats.ts";
import { isObjectName } from "../object.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./gateway-diagnostics.ts";
import { GATEWAY, SERVER_PROTOCOLS, type ServerSpec } from "./gateway-schema.ts";
import { readServerTls } from "./gateway-tls.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { socketPath } from "./unix-socket.ts";

const PROTOCOLS: Readonly<Record<(typeof SERVER_PROTOCOLS)[number], Protocol>> = {
  HTTP: "http",
  HTTPS: "https",
  GRPC: "grpc",
  "GRPC-WEB": "grpc-web",
  HTTP2: "http2",
  MONGO: "mongo",
  MYSQL: "mysql",
  REDIS: "redis",
  TCP: "tcp",
  TLS: "tls",
};

/** Undefined when a field of it is wrong. */
export function readGateway(reading: Reading): Gateway | undefined {
  const { object, origin, namespace, reporter } = reading;
  const spec = decodeObject(GATEWAY, object, reporter)?.spec;
  if (!spec) return undefined;
  const names = new Set<string>();
  const servers = spec.servers.flatMap((server, i) => {
    const path = `spec.servers[${i}]`;
    const { name } = server.port;
    if (names.has(name)) reporter.report(`${path}.port.name`, diagnostics.portNameTwice(name));
    names.add(name);
    return readServer(server, path, reading) ?? [];
  });
  return { origin, createdAt: object.createdAt, namespace, selector: spec.selector ?? {}, servers };
}

function readServer(spec: ServerSpec, path: string, reading: Reading): GatewayServer | undefined {
  const { reporter } = reading;
  const protocol = protocolOf(spec.port.protocol);
  if (!protocol) {
    reporter.report(`${path}.port.protocol`, notOneOf("protocol", spec.port.protocol, SERVER_PROTOCOLS));
    return undefined;
  }
  checkPlace(spec, path, reporter);
  if (spec.port.targetPort) reporter.report(`${path}.port.targetPort`, refusals.targetPortOfServer("Gateways"));
  if (spec.tls?.httpsRedirect && !isHttp(protocol))
    reporter.report(`${path}.tls.httpsRedirect`, refusals.redirectOfTls());
  const hosts = spec.hosts.flatMap((host, i) => readHost(host, `${path}.hosts[${i}]`, reading) ?? []);
  if (hosts.length === 0) reporter.report(`${path}.hosts`, diagnostics.badServerHost("", "there is none"));
  return {
    path,
    port: spec.port.number,
    portName: spec.port.name,
    protocol,
    bind: spec.bind || undefined,
    hosts,
    redirectsToHttps: spec.tls?.httpsRedirect ?? false,
    tls: readServerTls(spec.tls, protocol, `${path}.tls`, reporter),
  };
}

/** A port of an address, or a Unix socket, which has port 0. */
function checkPlace({ port, bind = "" }: ServerSpec, path: string, reporter: Reporter): void {
  if (isUnixAddress(bind)) {
    const isRight = port.number === 0 && socketPath(bind) !== undefined;
    if (!isRight) reporter.report(`${path}.bind`, refusals.badSocket(bind, port.number));
    return;
  }
  if (port.number === 0) reporter.report(`${path}.port.number`, outOfRange("number", 0, 1, 65_535));
  if (bind !== "" && !parseAddress(bind)) reporter.report(`${path}.bind`, badAddress("bind", bind, "IP address"));
}

function protocolOf(text: string): Protocol | undefined {
  const known = SERVER_PROTOCOLS.find((protocol) => protocol === text.toUpperCase());
  return known && PROTOCOLS[known];
}

/** `host`, `namespace/host`, `./host` and `*` before the slash, which says no more than `host`. */
function readHost(text: string, path: string, { namespace, reporter }: Reading): ServerHost | undefined {
  const slash = text.indexOf("/");
  const owner = slash === -1 ? "*" : text.slice(0, slash);
  const host = text.slice(slash + 1).toLowerCase();
  const problem = wildcardProblem(host);
  const isOwner = owner === "*" || owner === "." || isObjectName(owner);
  if (problem !== undefined || !isOwner) {
    reporter.report(path, diagnostics.badServerHost(text, problem ?? `${JSON.stringify(owner)} is no namespace`));
    return undefined;
  }
  return owner === "*" ? { host } : { namespace: owner === "." ? namespace : owner, host };
}
