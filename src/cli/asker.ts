// Who sends the request that is asked about: a workload, or somebody at a gateway.

import { parseAddress } from "../base/cidr.ts";
import { EXIT, type ExitCode, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import type { Question } from "../explain/question.ts";
import { gatewaysOf } from "../model/gateway-ports.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Workload } from "../model/workload.ts";
import { workloadCalled } from "./workload-name.ts";

/** As options say it. */
export interface Asker {
  readonly namespace: string;
  readonly from?: string;
  readonly gateway?: string;
  readonly sourceIp?: string;
  /** Undefined: of the running mesh. */
  readonly filename?: readonly string[];
}

/** Files that lack a name are wrong data; a mesh is as it is. */
function absent({ filename }: Asker): ExitCode {
  return filename === undefined ? EXIT.failure : EXIT.data;
}

export function entryOf(mesh: Mesh, asker: Asker): Question["entry"] {
  const { from, gateway, namespace } = asker;
  const exit = absent(asker);
  if (gateway !== undefined) return { kind: "gateway", workload: gatewayNamed(mesh, gateway, exit) };
  if (from === undefined) {
    const hint = "--from NAMESPACE/WORKLOAD or --gateway NAME";
    throw new Failure("nobody sends the request", { hint, exit: EXIT.usage });
  }
  const workload = workloadNamed([...mesh.workloads], qualified(from, namespace), "workload", exit);
  return { kind: workload.proxy?.gateway ? "gateway" : "sidecar", workload };
}

function qualified(name: string, namespace: string): string {
  return name.includes("/") ? name : `${namespace}/${name}`;
}

/** By its own name, else by that of what owns it, else by its app. */
function called(workloads: readonly Workload[], name: string): Workload | undefined {
  const namesOf = ({ namespace, name: pod, workloadName, canonicalName }: Workload) => ({
    namespace,
    names: [pod, workloadName, canonicalName],
  });
  return workloadCalled(workloads, namesOf, name, undefined);
}

function workloadNamed(workloads: readonly Workload[], name: string, what: string, exit: ExitCode): Workload {
  const found = called(workloads, name);
  if (found) return found;
  const names = workloads.map((workload) => `${workload.namespace}/${workload.name}`);
  const near = nearest(name, names);
  const hint =
    near ??
    (names.length > 0
      ? `there are ${names.slice(0, 5).join(", ")}`
      : "files that hold it: no Pod or Deployment in these is one");
  throw new Failure(`no ${what} ${name}`, { hint, exit });
}

/** As `asRunning` takes Pods of files for one. */
const GATEWAY_HINT =
  'heddle gateway starts one; a Pod of files is one with the label sidecar.istio.io/inject: "true" and the annotation inject.istio.io/templates: gateway';

/** `name` is a workload's or a Gateway's, with its namespace or without. */
function gatewayNamed(mesh: Mesh, name: string, exit: ExitCode): Workload {
  const door = doorNamed(mesh, name);
  if (door) return door;
  if (mesh.gateways.some(({ origin }) => isMeant(name, origin)))
    throw new Failure(`no workload opens the Gateway ${name}`, {
      hint: "heddle gateway, with the labels that its selector asks for",
      exit,
    });
  const names = mesh.gateways.flatMap(({ origin }) => [origin.name, `${origin.namespace}/${origin.name}`]);
  const near = nearest(name, names);
  if (near !== undefined) throw new Failure(`no gateway ${name}`, { hint: near, exit });
  const inside = called([...mesh.workloads], name);
  if (inside)
    throw new Failure(`workload ${inside.namespace}/${inside.name} is no gateway`, { hint: GATEWAY_HINT, exit });
  return workloadNamed(doorsOf(mesh), name, "gateway, nor a workload that opens one,", exit);
}

function doorsOf({ workloads }: Mesh): readonly Workload[] {
  return workloads.filter(({ proxy }) => proxy?.gateway);
}

export function isMeant(name: string, one: { readonly namespace: string; readonly name: string }): boolean {
  return name.includes("/") ? `${one.namespace}/${one.name}` === name : one.name === name;
}

/** Undefined: there is none. */
export function doorNamed(mesh: Mesh, name: string): Workload | undefined {
  const doors = doorsOf(mesh);
  return (
    doors.find((door) => isMeant(name, door)) ??
    doors.find((door) => gatewaysOf(mesh, door).some(({ origin }) => isMeant(name, origin)))
  );
}

/** Documentation's (RFC 5737): nothing is known of who comes from outside. */
const SOMEBODY = "192.0.2.1";

export function sourceOf(mesh: Mesh, entry: Question["entry"], asker: Asker): string {
  const { sourceIp, from, namespace } = asker;
  if (sourceIp !== undefined) {
    if (parseAddress(sourceIp)) return sourceIp;
    const hint = "--source-ip 203.0.113.7";
    throw new Failure(`--source-ip is no IP address: ${JSON.stringify(sourceIp)}`, { hint, exit: EXIT.usage });
  }
  const sender = entry.kind === "sidecar" || from === undefined ? undefined : from;
  const workload =
    sender === undefined
      ? entry.workload
      : workloadNamed([...mesh.workloads], qualified(sender, namespace), "workload", absent(asker));
  if (entry.kind === "gateway" && workload === entry.workload) return SOMEBODY;
  return workload.addresses[0] ?? SOMEBODY;
}
