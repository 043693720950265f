// Values of options and arguments, read and refused: what was written, what is wrong with it, what would be right.

import { parseAddress } from "../base/cidr.ts";
import { MAX_CONCURRENCY, parseConcurrency } from "../base/cores.ts";
import { parseDuration } from "../base/duration.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { labelName, labelValue } from "../kube/names.ts";

function refuse(option: string, value: string, problem: string, hint: string): never {
  throw new Failure(`${option} ${problem}: ${JSON.stringify(value)}`, { hint, exit: EXIT.usage });
}

/**
 * The value of an option that must be there. Commander's own required options are looked for before unknown ones, and `--filname`
 * would be told that -f is missing.
 */
export function required<T>(value: T | undefined, option: string): T {
  if (value !== undefined) return value;
  throw new Failure(`${option} is missing`, { hint: "--help shows the options", exit: EXIT.usage });
}

/** A port from 1 to 65535; with `free`, 0 too, which means any free one. */
export function port(option: string, free: "free" | "fixed" = "fixed"): (value: string) => number {
  return (value) => {
    const number = /^\d{1,5}$/.test(value) ? Number(value) : -1;
    const lowest = free === "free" ? 0 : 1;
    if (number >= lowest && number <= 65_535) return number;
    return refuse(option, value, `is not a port from ${lowest} to 65535`, `${option} 8080`);
  };
}

/** Milliseconds of `30s`, `1h30m`, `250ms`. */
export function duration(option: string, minMs: number): (value: string) => number {
  return (value) => {
    const ms = parseDuration(value);
    if (ms === undefined)
      return refuse(option, value, "is not a duration", `a number with its unit, as in ${option} 30s`);
    if (ms < minMs) return refuse(option, value, "is too short", `at least ${minMs / 1_000}s`);
    return ms;
  };
}

/** Cores that a proxy may use: 0, as in Istio's ProxyConfig, and `auto` are all that this process may run on. */
export function concurrency(option: string): (value: string) => number {
  return (value) => {
    const number = parseConcurrency(value === "0" ? "auto" : value);
    if (number !== undefined) return number;
    return refuse(option, value, `is not a number from 0 to ${MAX_CONCURRENCY}, or auto`, `${option} 2`);
  };
}

/** A name that can be part of a host name: of services, versions, namespaces, service accounts. */
export function name(option: string): (value: string) => string {
  return (value) => {
    if (labelName(value).length === 0) return value;
    return refuse(option, value, "is not a name", 'at most 63 lower-case letters, digits and "-", as in golden-signal');
  };
}

/** A value of a label: of versions. */
export function label(option: string): (value: string) => string {
  return (value) => {
    if (labelValue(value).length === 0) return value;
    return refuse(
      option,
      value,
      "is no label's value",
      `at most 63 letters, digits, "-", "_" and ".", as in ${option} v1`,
    );
  };
}

/** Not negative. */
export function wholeNumber(option: string, example: string): (value: string) => number {
  return (value) => {
    if (/^\d{1,9}$/.test(value)) return Number(value);
    return refuse(option, value, "is not a whole number", `${option} ${example}`);
  };
}

/** Of a URL, without the rest of it. */
export function urlPath(option: string): (value: string) => string {
  return (value) => {
    if (/^\/[!-~]*$/.test(value)) return value;
    return refuse(option, value, "is not a path", `${option} /metrics`);
  };
}

/** An object; its namespace is the command's where none is written. */
export interface GroupOption {
  readonly namespace: string | undefined;
  readonly name: string;
}

export function group(option: string): (value: string) => GroupOption {
  return (value) => {
    const [first = "", second] = value.split("/");
    const read = second === undefined ? { namespace: undefined, name: first } : { namespace: first, name: second };
    const names = [read.namespace ?? "default", read.name];
    if (value.split("/").length <= 2 && names.every((part) => labelName(part).length === 0)) return read;
    return refuse(option, value, "is not the name of a WorkloadGroup", `${option} shop/legacy`);
  };
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[::1]:port`. */
export function hostPort(option: string, example = "mesh.example.com:15012"): (value: string) => HostPort {
  return (value) => {
    const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(value) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined) return refuse(option, value, "is not host:port", `${option} ${example}`);
    return { host, port: port(option)(digits!) };
  };
}

/** An IP address. */
export function address(value: string): string {
  return parseAddress(value) ? value : refuse("--address", value, "is not an IP address", "--address 10.0.0.5");
}

export interface UpstreamOption {
  /** The local port that the application calls. */
  readonly port: number;
  readonly host: string;
  readonly servicePort: number;
}

/** `9191=golden-signal:80`; repeated, they collect. */
export function upstream(option: string): (value: string, before?: readonly UpstreamOption[]) => UpstreamOption[] {
  return (value, before = []) => {
    const [, local, host, remote] = /^(\d{1,5})=([A-Za-z0-9.-]+):(\d{1,5})$/.exec(value) ?? [];
    if (host === undefined) {
      return refuse(option, value, "is not LOCAL-PORT=HOST:PORT", `${option} 9191=golden-signal:80`);
    }
    return [...before, { port: port(option)(local!), host, servicePort: port(option)(remote!) }];
  };
}

export interface GatewayPortOption {
  readonly servicePort: number;
  readonly port: number;
}

/** `80=8080`, or `8080` for both; repeated, they collect. */
export function gatewayPort(
  option: string,
): (value: string, before?: readonly GatewayPortOption[]) => GatewayPortOption[] {
  return (value, before = []) => {
    const [, called, own] = /^(\d{1,5})(?:=(\d{1,5}))?$/.exec(value) ?? [];
    if (called === undefined) return refuse(option, value, "is not PORT=PORT", `${option} 80=8080`);
    return [...before, { servicePort: port(option)(called), port: port(option)(own ?? called) }];
  };
}

/** An http:// or https:// URL without path, query and credentials. */
export function serverUrl(option: string): (value: string) => string {
  return (value) => {
    const url = URL.parse(value);
    const isServer =
      url && /^https?:$/.test(url.protocol) && url.username === "" && url.pathname === "/" && !url.search;
    if (isServer) return url.origin;
    return refuse(option, value, "is not the URL of a server", `${option} http://127.0.0.1:15030`);
  };
}

/** In capitals, as nearly all are; RFC 9110 5.6.2 says what a token is. */
export function method(value: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)) return value.toUpperCase();
  return refuse("--method", value, "is no method", "-X POST");
}
