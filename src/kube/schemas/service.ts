// Service and EndpointSlice: a name, its ports, and who answers for it.

import { atomic, choice, flag, list, listMap, mapOf, object, open, type Schema, text, whole } from "../schema.ts";
import { conditions, kindSchema, objectReference, portName } from "./meta.ts";

const PORT = { minimum: 1, maximum: 65_535 } as const;

const servicePort = object(
  "A port of the Service",
  {
    name: text("Name of the port; needed when there are several", { maxLength: 63 }),
    port: whole("Number of the port", PORT),
    targetPort: portName,
    protocol: text("TCP, UDP or SCTP", { default: "TCP", enum: ["TCP", "UDP", "SCTP"] }),
    appProtocol: text("What is spoken on the port: http, http2, grpc, tls, tcp, kubernetes.io/h2c, …"),
    nodePort: whole("Port on every node", { minimum: 0, maximum: 65_535 }),
  },
  ["port"],
);

export const SERVICE: Schema = kindSchema("A name for a set of workloads and the ports they answer on", {
  spec: object("What the Service should be", {
    type: {
      ...choice("How the Service is exposed", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
      default: "ClusterIP",
    },
    selector: { ...mapOf("Labels of the Pods behind the Service", text("")), "x-kubernetes-map-type": "atomic" },
    ports: listMap("Ports of the Service", ["port", "protocol"], servicePort),
    clusterIP: text("Address of the Service; None makes it headless"),
    clusterIPs: list("Addresses of the Service", text("")),
    ipFamilies: list("IPv4, IPv6", text("")),
    ipFamilyPolicy: choice("How many families", "SingleStack", "PreferDualStack", "RequireDualStack"),
    externalName: text("The DNS name that an ExternalName Service stands for"),
    externalIPs: list("Further addresses that lead to the Service", text("")),
    sessionAffinity: { ...choice("Whether a client stays with an endpoint", "None", "ClientIP"), default: "None" },
    sessionAffinityConfig: open("Options of the session affinity"),
    publishNotReadyAddresses: flag("Whether endpoints that are not ready are published"),
    internalTrafficPolicy: choice("Which endpoints serve traffic from inside", "Cluster", "Local"),
    externalTrafficPolicy: choice("Which endpoints serve traffic from outside", "Cluster", "Local"),
    trafficDistribution: text("Preference among endpoints, as in PreferClose"),
    allocateLoadBalancerNodePorts: flag("Whether a load balancer gets node ports"),
    healthCheckNodePort: whole("Port of the load balancer's health check"),
    loadBalancerClass: text("Which load balancer"),
    loadBalancerIP: text("Address of the load balancer"),
    loadBalancerSourceRanges: list("Who may reach the load balancer", text("")),
  }),
  status: object("What the Service is", {
    loadBalancer: open("Addresses of the load balancer"),
    conditions,
  }),
});

const endpoint = object(
  "One address that answers for the Service",
  {
    addresses: { ...list("Addresses of one endpoint; the first counts", text("")), minItems: 1, maxItems: 100 },
    conditions: object("State of the endpoint", {
      ready: flag("Whether it takes traffic"),
      serving: flag("Whether it answers, even while it ends"),
      terminating: flag("Whether it ends"),
    }),
    hostname: text("Host name of the endpoint"),
    targetRef: objectReference,
    deprecatedTopology: mapOf("No longer used", text("")),
    nodeName: text("The node that the endpoint runs on"),
    zone: text("The zone that the endpoint runs in"),
    hints: atomic("Which zones should use the endpoint"),
  },
  ["addresses"],
);

export const ENDPOINT_SLICE: Schema = {
  ...kindSchema("A part of the endpoints of a Service", {
    addressType: choice("The kind of all addresses", "IPv4", "IPv6", "FQDN"),
    endpoints: list("The endpoints", endpoint),
    ports: list(
      "The ports of every endpoint",
      object("A port", {
        name: text("Name of the Service's port"),
        port: whole("Number of the port", PORT),
        protocol: text("TCP, UDP or SCTP", { default: "TCP", enum: ["TCP", "UDP", "SCTP"] }),
        appProtocol: text("What is spoken on the port"),
      }),
    ),
  }),
  required: ["addressType", "endpoints"],
};
