// Gateways: who serves them, with which certificates, on which ports, and against whom.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { file, SelectorIndex } from "../../model/label-index.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { nameOf, type ViewOf } from "../view.ts";
import type { World } from "../world.ts";
import { credentialsOf } from "./credentials.ts";
import { overlapping, selectorText } from "./selectors.ts";

type Gateway = ViewOf<typeof kinds.gateway>;
type Secret = ViewOf<typeof kinds.secret>;

export const gatewaySelector: MeshAnalyzer = {
  name: "gateway.IngressGatewayPortAnalyzer",
  about: "a gateway has workloads, and a Service leads to its ports",
  codes: ["IST0101", "IST0162"],
  scope: "mesh",
  analyze(world, report) {
    const known = new Map<string, ReadonlySet<number> | undefined>();
    const services = servicesByNamespace(world);
    for (const gateway of world.views(kinds.gateway)) {
      const { selector = {}, servers = [] } = gateway.value.spec ?? {};
      const pods = world.select(selector);
      if (pods.length === 0) {
        report(
          gateway.object,
          "spec.selector",
          finding(
            "IST0101",
            `Referenced selector not found: ${JSON.stringify(selectorText(selector))}`,
            "the labels of the gateway's workloads",
          ),
        );
        continue;
      }
      const key = selectorText(selector);
      const targets = known.has(key) ? known.get(key) : servicePorts(pods, services);
      known.set(key, targets);
      if (!targets) continue;
      // Port 0 is a Unix socket's.
      for (const [i, { port }] of servers.entries())
        if (port?.number && !targets.has(port.number))
          report(
            gateway.object,
            `spec.servers[${i}].port.number`,
            finding(
              "IST0162",
              `The gateway is listening on a target port (port ${port.number}) that is not defined in the Service associated with its workload instances (Pod selector ${selectorText(selector)}). If you need to access the gateway port through the gateway Service, it will not be available`,
              `one of the Service's target ports: ${[...targets].sort((a, b) => a - b).join(", ")}`,
            ),
          );
    }
  },
};

type ServiceIndexes = ReadonlyMap<string, SelectorIndex<ViewOf<typeof kinds.service>>>;

function servicesByNamespace(world: World): ServiceIndexes {
  const selecting = world
    .views(kinds.service)
    .filter(({ value }) => Object.keys(value.spec?.selector ?? {}).length > 0);
  return new Map(
    [...Map.groupBy(selecting, ({ namespace }) => namespace)].map(([namespace, members]) => [
      namespace,
      new SelectorIndex(members, ({ value }) => value.spec?.selector ?? {}),
    ]),
  );
}

/** Target ports of the Services that select one of the pods; undefined when none does. */
function servicePorts(pods: ReturnType<World["select"]>, indexes: ServiceIndexes): ReadonlySet<number> | undefined {
  // Replicas have the same labels.
  const distinct = new Map(pods.map((pod) => [JSON.stringify([pod.namespace, pod.labels]), pod]));
  const services = [
    ...new Set([...distinct.values()].flatMap((pod) => indexes.get(pod.namespace)?.matching(pod.labels) ?? [])),
  ];
  if (services.length === 0) return undefined;
  const named = new Map(
    pods.flatMap(({ pod }) =>
      (pod.containers ?? []).flatMap(({ ports = [] }) =>
        ports.map(({ name, containerPort }) => [name ?? "", containerPort] as const),
      ),
    ),
  );
  return new Set(
    services.flatMap(({ value }) =>
      (value.spec?.ports ?? []).flatMap(({ port, targetPort = port }) =>
        typeof targetPort === "number" ? [targetPort, port] : [named.get(targetPort) ?? port, port],
      ),
    ),
  );
}

export const gatewayCredentials: MeshAnalyzer = {
  name: "gateway.SecretAnalyzer",
  about: "a gateway's certificates are there, valid, and its own",
  codes: ["IST0101", "IST0138", "IST0161"],
  scope: "mesh",
  analyze(world, report) {
    const secrets = new Map(world.views(kinds.secret).map((view) => [`${view.namespace}/${view.name}`, view]));
    const secretNames = world.views(kinds.secret).map((secret) => secret.name);
    const users = new Map<string, User[]>();
    for (const gateway of world.views(kinds.gateway)) {
      const selector = gateway.value.spec?.selector ?? {};
      const namespaces = new Set([gateway.namespace, ...world.select(selector).map(({ namespace }) => namespace)]);
      for (const { name, path } of credentialsOf(gateway)) {
        // Istio looks in the namespace of the gateway's workloads.
        const found = [...namespaces].map((namespace) => secrets.get(`${namespace}/${name}`)).find(Boolean);
        if (!found) {
          const near = world.nearest(name, secretNames);
          report(
            gateway.object,
            path,
            finding(
              "IST0101",
              `Referenced credentialName not found: ${JSON.stringify(name)}`,
              near ?? `a Secret ${name}`,
            ),
          );
          continue;
        }
        checkSecret(found, gateway, path, world.now, report);
        file(users, `${found.namespace}/${found.name}`, { gateway, path });
      }
    }
    tellDuplicates(users, report);
  },
};

interface User {
  readonly gateway: Gateway;
  readonly path: string;
}

function tellDuplicates(users: ReadonlyMap<string, readonly User[]>, report: Report): void {
  for (const ofSecret of users.values()) {
    if (new Set(ofSecret.map(({ gateway }) => gateway)).size < 2) continue;
    for (const { members, rivals } of overlapping(ofSecret, ({ gateway }) => gateway.value.spec?.selector ?? {})) {
      const names = [...new Set(rivals.map(({ gateway }) => `${gateway.namespace}/${gateway.name}`))];
      if (names.length < 2) continue;
      const message = `Duplicate certificate in multiple gateways [${names.slice(0, 5).join(" ")}] may cause 404s if clients re-use HTTP2 connections`;
      for (const { gateway, path } of members)
        report(gateway.object, path, finding("IST0138", message, "one Gateway with all hosts of the certificate"));
    }
  }
}

function checkSecret(secret: Secret, gateway: Gateway, path: string, now: number, report: Report): void {
  const problem = secretProblem(secret, now);
  if (problem === undefined) return;
  report(
    gateway.object,
    path,
    finding(
      "IST0161",
      `The credential referenced by the Gateway ${gateway.name} in namespace ${gateway.namespace} is invalid, which can cause the traffic not to work as expected: ${nameOf(secret.object)} ${problem}`,
      "a Secret of type kubernetes.io/tls with tls.crt and tls.key",
    ),
  );
}

function secretProblem({ value }: Secret, now: number): string | undefined {
  const read = (key: string): string | undefined => {
    const encoded = value.data?.[key];
    return encoded === undefined ? value.stringData?.[key] : Buffer.from(encoded, "base64").toString("latin1");
  };
  const certificate = read("tls.crt") ?? read("cert");
  const key = read("tls.key") ?? read("key");
  if (certificate === undefined || key === undefined) return "has no certificate and key";
  try {
    const parsed = new X509Certificate(certificate);
    if (Date.parse(parsed.validTo) < now) return `has a certificate that ended ${parsed.validTo}`;
    return parsed.checkPrivateKey(createPrivateKey(key)) ? undefined : "has a key that is not the certificate's";
  } catch {
    return "has a certificate or a key that cannot be read";
  }
}
