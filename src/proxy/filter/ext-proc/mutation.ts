// Headers as the external server is told of them, and the changes that it makes to them (Envoy: MutationUtils).

import { type HeaderList, removeHeader, setHeader } from "../../../http/headers.ts";
import type { RequestHead, ResponseHead } from "../../../http/stream.ts";
import type { ExtProcFilter, MutationRules } from "../../../table/filter/ext-proc.ts";
import { matchesString } from "../../../table/string-match.ts";
import type { HeaderValueOption } from "../../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { HeaderMutation } from "../../../xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";

/** A head, or trailers, whose fields can be read and changed by name, pseudo-headers included. */
export interface MutableFields {
  readonly headers: HeaderList;
  pseudo(name: string): string | undefined;
  /** False: there is no such pseudo-header here. */
  setPseudo(name: string, value: string): boolean;
}

export class RequestFields implements MutableFields {
  readonly #head: RequestHead;

  constructor(head: RequestHead) {
    this.#head = head;
  }

  get headers(): HeaderList {
    return this.#head.headers;
  }

  pseudo(name: string): string | undefined {
    switch (name) {
      case ":method":
        return this.#head.method;
      case ":scheme":
        return this.#head.scheme;
      case ":authority":
      case "host":
        return this.#head.authority;
      case ":path":
        return this.#head.path;
      default:
        return undefined;
    }
  }

  setPseudo(name: string, value: string): boolean {
    switch (name) {
      case ":method":
        this.#head.method = value;
        return true;
      case ":scheme":
        this.#head.scheme = value;
        return true;
      case ":authority":
      case "host":
        this.#head.authority = value;
        return true;
      case ":path":
        this.#head.path = value;
        return true;
      default:
        return false;
    }
  }
}

export class ResponseFields implements MutableFields {
  readonly #head: ResponseHead;

  constructor(head: ResponseHead) {
    this.#head = head;
  }

  get headers(): HeaderList {
    return this.#head.headers;
  }

  pseudo(name: string): string | undefined {
    return name === ":status" ? String(this.#head.status) : undefined;
  }

  setPseudo(name: string, value: string): boolean {
    if (name !== ":status" || !/^[2-5]\d\d$/.test(value)) return false;
    this.#head.status = Number(value);
    return true;
  }
}

export class PlainFields implements MutableFields {
  readonly headers: HeaderList;

  constructor(headers: HeaderList) {
    this.headers = headers;
  }

  pseudo(): undefined {
    return undefined;
  }

  setPseudo(): boolean {
    return false;
  }
}

const PSEUDO_HEADERS = [":authority", ":path", ":method", ":scheme", ":status"];

/** As Envoy sends them: values as bytes (send_header_raw_value). */
export function headerMap(fields: MutableFields, contentLength: number, filter: ExtProcFilter) {
  const headers: { key: string; rawValue: Uint8Array }[] = [];
  const add = (key: string, value: string): void => {
    if (isForwarded(filter, key)) headers.push({ key, rawValue: Buffer.from(value, "latin1") });
  };
  for (const name of PSEUDO_HEADERS) {
    const value = fields.pseudo(name);
    if (value !== undefined && (value !== "" || name === ":authority")) add(name, value);
  }
  for (let i = 0; i < fields.headers.length; i += 2) add(fields.headers[i]!, fields.headers[i + 1]!);
  if (contentLength >= 0) add("content-length", String(contentLength));
  return { headers };
}

function isForwarded({ allowedHeaders, disallowedHeaders }: ExtProcFilter, name: string): boolean {
  if (disallowedHeaders.some((match) => matchesString(match, name))) return false;
  return allowedHeaders?.some((match) => matchesString(match, name)) ?? true;
}

const NAME = /^:?[a-z0-9!#$%&'*+.^_`|~-]+$/;
/** Neither control characters but the tabulator, nor what no byte can be. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const ROUTING = new Set(["host", ":authority", ":scheme", ":method"]);
/** What frames the message is this proxy's matter. */
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "upgrade"]);

/** Envoy's order of the rules (MutationChecker). */
function mayChange(rules: MutationRules, name: string): boolean {
  const isSystem = name === "host" || name.startsWith(":");
  if (!rules.all) return false;
  if (rules.disallow && matchesString(rules.disallow, name)) return false;
  if (rules.allow && matchesString(rules.allow, name)) return true;
  if (!rules.system && isSystem) return false;
  if (!rules.routing && ROUTING.has(name)) return false;
  return rules.envoy || !name.startsWith("x-envoy");
}

function valueOfOption({ header }: HeaderValueOption): string {
  if (!header) return "";
  return header.rawValue.length > 0 ? Buffer.from(header.rawValue).latin1Slice() : header.value;
}

/** As Envoy 1.40 goes by `append` alone here, and not by `append_action`. */
function setField(fields: MutableFields, name: string, value: string, append: boolean): void {
  if (name === "host" || name.startsWith(":")) fields.setPseudo(name, value);
  else if (append) fields.headers.push(name, value);
  else setHeader(fields.headers, name, value);
}

/** @returns false when the rules refuse something and say that this is an error. */
export function applyMutation(
  fields: MutableFields,
  mutation: HeaderMutation | undefined,
  rules: MutationRules,
): boolean {
  if (!mutation) return true;
  let refused = false;
  for (const given of mutation.removeHeaders) {
    const name = given.toLowerCase();
    if (name.startsWith(":") || name === "host" || !mayChange(rules, name)) refused = true;
    else removeHeader(fields.headers, name);
  }
  for (const option of mutation.setHeaders) {
    const name = option.header?.key.toLowerCase() ?? "";
    const value = valueOfOption(option);
    if (!NAME.test(name) || !VALUE.test(value) || !mayChange(rules, name)) refused = true;
    else if (!FRAMING.has(name)) setField(fields, name, value, option.append ?? false);
  }
  return !refused || !rules.isError;
}
