// Pod. Fields that a mesh reads, or that have merge keys, are spelled out; what only a kubelet reads is kept as it is.

import { atomic, choice, flag, list, listMap, mapOf, object, open, type Schema, text, whole } from "../schema.ts";
import { conditions, kindSchema } from "./meta.ts";

const PROTOCOL = { default: "TCP", enum: ["TCP", "UDP", "SCTP"] } as const;
const PORT = { minimum: 1, maximum: 65_535 } as const;

const containerPort = object(
  "A port that the container listens on",
  {
    name: text("Name of the port, which Services may refer to", { maxLength: 15 }),
    containerPort: whole("Number of the port", PORT),
    protocol: text("UDP, TCP, or SCTP", PROTOCOL),
    hostIP: text("Address on the host to bind to"),
    hostPort: whole("Port on the host", { minimum: 0, maximum: 65_535 }),
  },
  ["containerPort"],
);

const container = object(
  "One process of the Pod",
  {
    name: text("Unique within the Pod"),
    image: text("Image to run"),
    imagePullPolicy: choice("When the image is pulled", "Always", "IfNotPresent", "Never"),
    command: list("The program, instead of the image's entry point", text("")),
    args: list("Arguments of the program", text("")),
    workingDir: text("Folder in which the program starts"),
    ports: listMap("Ports that the container listens on", ["containerPort", "protocol"], containerPort),
    env: listMap("Environment variables", ["name"], {
      ...object("An environment variable", {
        name: text("Name of the variable"),
        value: text("Its value"),
        valueFrom: open("Where the value comes from"),
      }),
      required: ["name"],
    }),
    envFrom: list("Sources of many variables", open("")),
    resources: open("Requests and limits"),
    resizePolicy: list("What a change of resources needs", open("")),
    restartPolicy: text("Always makes an init container a sidecar"),
    volumeMounts: listMap("Where volumes are mounted", ["mountPath"], {
      ...open("A mounted volume"),
      properties: { name: text("Name of the volume"), mountPath: text("Path in the container") },
    }),
    volumeDevices: listMap("Block devices", ["devicePath"], open("A block device")),
    livenessProbe: open("When to restart the container"),
    readinessProbe: open("When the container takes traffic"),
    startupProbe: open("When the container has started"),
    lifecycle: open("Actions after start and before stop"),
    securityContext: open("Privileges"),
    stdin: flag("Whether standard input is kept open"),
    stdinOnce: flag("Whether standard input closes after the first client"),
    tty: flag("Whether a terminal is allocated"),
    terminationMessagePath: text("File with the last message"),
    terminationMessagePolicy: text("File or FallbackToLogsOnError"),
    targetContainerName: text("For ephemeral containers: whose namespaces to join"),
  },
  ["name"],
);

const podSpec = object(
  "What the Pod should be",
  {
    containers: listMap("The processes of the Pod", ["name"], container),
    initContainers: listMap("Processes that run first", ["name"], container),
    ephemeralContainers: listMap("Processes added for debugging", ["name"], container),
    volumes: listMap("Volumes that containers mount", ["name"], open("A volume")),
    imagePullSecrets: listMap("Secrets for pulling images", ["name"], open("A Secret of the namespace")),
    hostAliases: listMap("Additional lines of /etc/hosts", ["ip"], open("An address and its names")),
    topologySpreadConstraints: listMap("How Pods spread", ["topologyKey", "whenUnsatisfiable"], open("")),
    tolerations: list("Taints that are tolerated", open("")),
    nodeSelector: { ...mapOf("Labels of nodes that may run the Pod", text("")), "x-kubernetes-map-type": "atomic" },
    nodeName: text("The node that the Pod runs on"),
    serviceAccountName: text("The identity of the Pod"),
    serviceAccount: text("Old name of serviceAccountName"),
    hostNetwork: flag("Whether the Pod uses the host's network"),
    hostname: text("Host name of the Pod"),
    subdomain: text("Domain of the host name"),
    restartPolicy: choice("When containers are restarted", "Always", "OnFailure", "Never"),
    terminationGracePeriodSeconds: whole("How long the Pod may take to stop", { minimum: 0 }),
    automountServiceAccountToken: flag("Whether a token is mounted"),
    affinity: open("Where the Pod should run"),
    securityContext: open("Privileges of all containers"),
    dnsPolicy: text("Where names are resolved"),
    dnsConfig: open("How names are resolved"),
    activeDeadlineSeconds: whole("How long the Pod may be active", { minimum: 1 }),
    enableServiceLinks: flag("Whether Services become environment variables"),
    hostIPC: flag("Whether the Pod uses the host's IPC"),
    hostPID: flag("Whether the Pod sees the host's processes"),
    hostUsers: flag("Whether the Pod uses the host's users"),
    hostnameOverride: text("Host name, whatever the rules say"),
    os: open("Operating system of the containers"),
    overhead: open("Resources that running the Pod costs"),
    preemptionPolicy: text("Whether the Pod may displace others"),
    priority: whole("Importance as a number"),
    priorityClassName: text("Importance by name"),
    readinessGates: list("Further conditions of readiness", open("")),
    resourceClaims: listMap("Devices that containers use", ["name"], open("A claim")),
    resources: open("Requests and limits of the whole Pod"),
    runtimeClassName: text("What runs the Pod"),
    schedulerName: text("Who places the Pod"),
    schedulingGates: listMap("What holds the placing back", ["name"], open("A gate")),
    setHostnameAsFQDN: flag("Whether the host name includes the domain"),
    shareProcessNamespace: flag("Whether containers see each other's processes"),
  },
  ["containers"],
);

export const POD: Schema = kindSchema("A workload instance: the processes behind one address", {
  spec: podSpec,
  status: {
    ...open("What the Pod is"),
    properties: {
      phase: text("Pending, Running, Succeeded, Failed or Unknown"),
      reason: text("A word that says why"),
      message: text("A sentence that says why"),
      hostIP: text("Address of the host"),
      podIP: text("Address of the Pod"),
      podIPs: listMap("All addresses of the Pod", ["ip"], object("", { ip: text("Address") }, ["ip"])),
      startTime: text("When the Pod was accepted"),
      conditions,
      containerStatuses: list("State of each container", atomic("")),
      initContainerStatuses: list("State of each init container", atomic("")),
    },
  },
});
