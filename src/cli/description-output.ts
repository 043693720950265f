// A description for people: what is described, then each part with what decided it.

import type { ObjectConditions } from "../admin/api.ts";
import type { Finding } from "../analyze/code.ts";
import type {
  Description,
  DestinationRuleFacts,
  ExposureFacts,
  MtlsFacts,
  PreferenceFacts,
  RouteFacts,
  RuleFacts,
  ServiceDescription,
  ServicePortFacts,
  SubsetFacts,
  Warning,
  WorkloadDescription,
} from "../explain/description/description.ts";
import type { Place } from "../explain/explanation.ts";
import type { Style } from "./terminal.ts";

export interface Described {
  readonly description: Description;
  /** Of the objects that it names. */
  readonly findings: readonly Finding[];
  /** What is known of the proxy's configuration; undefined: nobody was asked. */
  readonly proxy: string | undefined;
  /** What the control plane says of the objects that it names; none where nobody was asked. */
  readonly statuses: readonly { readonly object: string; readonly conditions: ObjectConditions["conditions"] }[];
}

/** Every place that is named in it. */
export function placesOf(value: unknown): readonly Place[] {
  if (Array.isArray(value)) return value.flatMap(placesOf);
  if (typeof value !== "object" || value === null) return [];
  if ("object" in value && "path" in value) return [value as Place];
  return Object.values(value).flatMap(placesOf);
}

export function descriptionText({ description, findings, proxy, statuses }: Described, style: Style): string {
  const printer = new Printer(style);
  if (description.kind === "workload") printer.workload(description, proxy);
  else printer.service(description, 0);
  printer.statuses(statuses);
  printer.warnings(warningsOf(description), findings);
  return printer.lines.join("\n");
}

function warningsOf(description: Description): readonly Warning[] {
  const own = description.warnings;
  return description.kind === "workload" ? [...own, ...description.services.flatMap(({ warnings }) => warnings)] : own;
}

type ElsewhereFacts = ServiceDescription["elsewhere"][number];

const LABEL_WIDTH = 24;

class Printer {
  readonly lines: string[] = [];
  readonly #style: Style;

  constructor(style: Style) {
    this.#style = style;
  }

  #heading(text: string, place: Place | undefined, depth: number): void {
    const where = place ? this.#where(place) : "";
    this.lines.push(`${indent(depth)}${this.#style.bold(text)}${where}`);
  }

  #fact(label: string, text: string, depth: number): void {
    const padded = label === "" ? "" : `${label} `;
    this.lines.push(`${indent(depth)}${this.#style.cyan(padded.padEnd(LABEL_WIDTH - 2 * depth))}${text}`);
  }

  #where({ file, line }: Place): string {
    return file === undefined ? "" : this.#style.dim(` (${file}:${line})`);
  }

  #place(place: Place): string {
    return `${place.object}${place.path === "" ? "" : ` ${place.path}`}${this.#where(place)}`;
  }

  // ── workloads ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  workload(description: WorkloadDescription, proxy: string | undefined): void {
    const { by, workload, instances, addresses, health, identity, app, version } = description;
    this.#heading(by.object, by, 0);
    const others = instances.length > 1 ? `, one of ${instances.length}: ${instances.slice(0, 5).join(", ")}` : "";
    this.#fact("workload", `${workload}${others}`, 1);
    this.#fact("address", `${addresses.join(", ") || "none"}, ${health}`, 1);
    this.#fact("app, version", `${app}, ${version || "none"}`, 1);
    this.#fact("identity", identity, 1);
    this.#fact("proxy", proxyText(description), 1);
    if (proxy !== undefined) this.#fact("configuration", proxy, 1);
    for (const port of description.ports) {
      const services = port.services.length > 0 ? `, of ${port.services.join(", ")}` : "";
      this.#fact(`port ${port.number}`, `${protocolText(port)}${services}`, 1);
      this.#fact("", this.#mtls(port.mtls), 1);
    }
    this.#fact("other ports", this.#mtls(description.mtls), 1);
    for (const { number, socket, protocol, hosts, by: place } of description.opened)
      this.#fact(`opens ${socket ?? number}`, `${protocol} for ${hosts.join(", ")}, by ${this.#place(place)}`, 1);
    this.#policies(description);
    for (const service of description.services) {
      this.lines.push("");
      this.service(service, 0);
    }
  }

  #mtls({ mode, by }: MtlsFacts): string {
    return `mutual TLS ${mode.toUpperCase()}, by ${by ? this.#place(by) : "the mesh's default"}`;
  }

  #policies(description: WorkloadDescription): void {
    for (const { by, issuers } of description.requestAuthentications)
      this.#fact("tokens", `of ${issuers.join(", ") || "nobody"}, by ${this.#place(by)}`, 1);
    for (const { by, action, dryRun, rules } of description.authorizationPolicies) {
      const trial = dryRun ? ", without effect (dry run)" : "";
      const count = `${rules} ${rules === 1 ? "rule" : "rules"}`;
      this.#fact("authorization", `${action.toUpperCase()}, ${count}${trial}, by ${this.#place(by)}`, 1);
    }
    if (description.sidecar) this.#fact("scope", `by ${this.#place(description.sidecar)}`, 1);
    for (const by of description.telemetries) this.#fact("telemetry", `by ${this.#place(by)}`, 1);
    for (const { by, applied } of description.extensions)
      this.#fact("extension", `${this.#place(by)}${applied ? "" : ": Heddle's proxy does not take it"}`, 1);
  }

  // ── services ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  service(service: ServiceDescription, depth: number): void {
    const { by, host, addresses, aliases, ports, preference, destinationRule, chosenRules } = service;
    const { routes, routedFrom, elsewhere, exposures } = service;
    this.#heading(by.object, by, depth);
    this.#fact("host", `${host}${addresses.length > 0 ? `, ${addresses.join(", ")}` : ""}`, depth + 1);
    for (const alias of aliases) this.#fact("also called", `${alias.host}, by ${this.#place(alias.by)}`, depth + 1);
    if (preference) this.#fact("prefers", this.#preference(preference), depth + 1);
    for (const port of ports) this.#port(port, depth + 1);
    for (const rule of destinationRule ? [destinationRule, ...chosenRules] : chosenRules) this.#rule(rule, depth + 1);
    for (const route of routes) this.#route(route, depth + 1);
    for (const place of routedFrom) this.#fact("led to by", this.#place(place), depth + 1);
    for (const other of elsewhere) this.#elsewhere(other, depth + 1);
    for (const exposure of exposures) this.#exposure(exposure, depth + 1);
  }

  #preference({ prefers, by, overruledBy }: PreferenceFacts): string {
    const text = `endpoints ${prefers === "zone" ? "in" : "on"} the client's ${prefers}, by ${this.#place(by)}`;
    return overruledBy ? `${text}; overruled by ${this.#place(overruledBy)}` : text;
  }

  #elsewhere({ namespace, destinationRule, routes, chosenRules }: ElsewhereFacts, depth: number): void {
    const places = [...(destinationRule ? [destinationRule] : []), ...routes];
    const text = places.map((place) => this.#place(place)).join(", ");
    if (text !== "" || chosenRules.length === 0) this.#fact(`clients of ${namespace}`, text || "none of these", depth);
    for (const { by, clients } of chosenRules)
      this.#fact(`clients of ${namespace}`, `with ${labelText(clients)}: ${this.#place(by)}`, depth);
  }

  #port(port: ServicePortFacts, depth: number): void {
    const named = port.name === "" ? "" : ` (${port.name})`;
    const target = port.target === port.number ? "" : ` → ${port.target}`;
    this.#fact(`port ${port.number}${named}${target}`, protocolText(port), depth);
    for (const { address, workload, health, transport, subsets } of port.endpoints) {
      const member = subsets.length > 0 ? `, in ${subsets.join(", ")}` : "";
      const who = workload === undefined ? "" : ` ${workload}`;
      const text = `${address}${who}, ${transport}${member}`;
      this.#fact("", health === "healthy" ? text : `${text}, ${this.#style.yellow(health)}`, depth);
    }
    if (port.endpoints.length === 0) this.#fact("", this.#style.yellow("no known endpoint"), depth);
  }

  #rule({ by, clients, settings, subsets }: DestinationRuleFacts, depth: number): void {
    this.#heading(by.object, by, depth);
    if (clients) this.#fact("for clients", labelText(clients), depth + 1);
    for (const text of settings) this.#fact("policy", text, depth + 1);
    for (const subset of subsets) this.#subset(subset, depth + 1);
  }

  #subset({ name, labels, endpoints, hasWorkload, settings }: SubsetFacts, depth: number): void {
    const count = `${endpoints} ${endpoints === 1 ? "endpoint" : "endpoints"}`;
    const own = hasWorkload === undefined ? "" : hasWorkload ? ", this one among them" : ", not this one";
    const more = settings.length > 0 ? `; ${settings.join(", ")}` : "";
    const text = `${labelText(labels)}: ${count}${endpoints > 0 ? own : ""}${more}`;
    this.#fact(`subset ${name}`, endpoints === 0 ? this.#style.yellow(text) : text, depth);
  }

  #route({ by, kind, hosts, rules, shadowed }: RouteFacts, depth: number): void {
    this.#heading(`${by.object}${kind === "http" ? "" : `, ${kind.toUpperCase()}`}`, by, depth);
    this.#fact("hosts", hosts.join(", "), depth + 1);
    for (const rule of rules) this.#ruleLine(rule, depth + 1);
    for (const other of shadowed) this.#fact("shadows", this.#style.yellow(this.#place(other)), depth + 1);
  }

  #ruleLine({ by, name, matches, action, reachesWorkload }: RuleFacts, depth: number): void {
    const label = name ?? by.path.replace(/^spec\./, "");
    const when = matches.length === 0 ? "always" : matches.join("; or ");
    const reached = reachesWorkload === false ? this.#style.dim(" (not here)") : "";
    this.#fact(label, `${when} → ${action}${reached}`, depth);
  }

  #exposure({ gateway, route, openedBy, urls, rules }: ExposureFacts, depth: number): void {
    const opened =
      openedBy.length > 0 ? `, opened by ${openedBy.join(", ")}` : this.#style.yellow(", opened by nobody");
    this.#heading(`exposed by ${gateway.object}${opened}`, gateway, depth);
    const label = openedBy.length > 0 ? "at" : "would be at";
    this.#fact(label, urls.join(", ") || "none of its hosts", depth + 1);
    this.#fact("through", this.#place(route), depth + 1);
    for (const rule of rules) this.#ruleLine(rule, depth + 1);
  }

  // ── statuses and warnings ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  statuses(statuses: Described["statuses"]): void {
    if (statuses.length === 0) return;
    this.lines.push("", this.#style.bold("Status"));
    for (const { object, conditions } of statuses) this.lines.push(`  ${object}: ${this.#statusText(conditions)}`);
  }

  /** Only what is not as it should be has words of its own. */
  #statusText(conditions: ObjectConditions["conditions"]): string {
    const of = (type: string) => conditions.find((condition) => condition.type === type);
    const [accepted, programmed, conflicted] = [of("Accepted"), of("Programmed"), of("Conflicted")];
    if (accepted?.status !== "True")
      return this.#style.red(`${accepted?.reason ?? "unknown"}: ${accepted?.message ?? ""}`);
    const where = `${programmed?.reason}: ${programmed?.message}`;
    const conflict = conflicted?.status === "True" ? this.#style.yellow(`; ${conflicted.message}`) : "";
    return `${programmed?.status === "True" ? where : this.#style.red(where)}${conflict}`;
  }

  warnings(warnings: readonly Warning[], findings: readonly Finding[]): void {
    if (warnings.length + findings.length === 0) return;
    this.lines.push("", this.#style.bold("Warnings"));
    for (const { code, message, by } of warnings)
      this.lines.push(`  ${this.#style.yellow(code)} ${by ? `${this.#place(by)}: ` : ""}${message}`);
    for (const { code, severity, message, object, path, suggestion } of findings) {
      const paint = severity === "error" ? this.#style.red : this.#style.yellow;
      const where = object ? `${object.kind} ${object.namespace}/${object.name}${path ? ` ${path}` : ""}: ` : "";
      this.lines.push(`  ${paint(code)} ${where}${message}${suggestion ? ` (try: ${suggestion})` : ""}`);
    }
  }
}

function indent(depth: number): string {
  return "  ".repeat(depth);
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return pairs.join(",") || "no label";
}

function protocolText({ protocol, decidedBy }: ServicePortFacts | WorkloadDescription["ports"][number]): string {
  return protocol === "undeclared" ? `by ${decidedBy}` : `${protocol.toUpperCase()}, by ${decidedBy}`;
}

function proxyText({ proxy }: WorkloadDescription): string {
  if (!proxy) return "none";
  const name = proxy.kind === "heddle" ? "Heddle's" : "Envoy";
  return `${name}, a ${proxy.role}${proxy.captures ? " that captures" : ""}`;
}
