// The pages of the admin interface, under Envoy's paths.

import { text } from "./answer.ts";
import { helpText } from "./help.ts";
import type { Page } from "./page.ts";

const FORMAT = "File format to use; One of (text, json)";

export const PAGES: Readonly<Record<string, Page>> = {
  "/certs": {
    description: "print certs on machine",
    method: "GET",
    load: async () => (await import("./certs.ts")).certificates,
  },
  "/clusters": {
    description: "upstream cluster status",
    method: "GET",
    parameters: { filter: "Regular expression (RE2) for filtering clusters by name", format: FORMAT },
    load: async () => (await import("./clusters.ts")).clusters,
  },
  "/config_dump": {
    description: "dump the current configuration",
    method: "GET",
    parameters: {
      resource: "The repeated field to dump, such as dynamic_listeners",
      mask: "A FieldMask that every dump, or every element of the resource, is reduced to",
      name_regex: "Dump what has a matching name alone (RE2)",
      include_eds: "Dump the endpoints too",
    },
    load: async () => (await import("./config-dump.ts")).configDump,
  },
  "/drain_listeners": {
    description: "drain listeners",
    method: "POST",
    parameters: {
      graceful: "Responses say that the connection closes for the drain time, before listeners close",
      skip_exit: "Drain connections, and leave the listeners open",
      inboundonly: "Drain inbound listeners alone",
    },
    load: async () => (await import("./drain-listeners.ts")).drainListeners,
  },
  "/healthcheck/fail": {
    description: "cause the server to fail health checks",
    method: "POST",
    load: async () => (await import("./health-check.ts")).failHealthChecks,
  },
  "/healthcheck/ok": {
    description: "cause the server to pass health checks",
    method: "POST",
    load: async () => (await import("./health-check.ts")).passHealthChecks,
  },
  "/help": {
    description: "print out list of admin commands",
    method: "GET",
    load: async () => () => text(helpText(PAGES)),
  },
  "/init_dump": {
    description: "dump what listeners still wait for",
    method: "GET",
    load: async () => (await import("./init-dump.ts")).initDump,
  },
  "/listeners": {
    description: "print listener info",
    method: "GET",
    parameters: { format: FORMAT },
    load: async () => (await import("./listeners.ts")).listeners,
  },
  "/logging": {
    description: "query/change logging levels",
    method: "POST",
    parameters: {
      level: "desired logging level, this will change all loggers's level",
      paths: "Change several levels by <logger>:<level>,<logger>:<level>",
    },
    load: async () => (await import("./logging.ts")).logging,
  },
  "/memory": {
    description: "print current allocation/heap usage",
    method: "GET",
    load: async () => (await import("./memory.ts")).memory,
  },
  "/quitquitquit": {
    description: "exit the server",
    method: "POST",
    load: async () => (await import("./quit.ts")).quit,
  },
  "/ready": {
    description: "print server state, return 200 if LIVE, otherwise return 503",
    method: "GET",
    load: async () => (await import("./ready.ts")).ready,
  },
  "/reset_counters": {
    description: "reset all counters to zero",
    method: "POST",
    load: async () => (await import("./reset-counters.ts")).resetCounters,
  },
  "/runtime": {
    description: "print runtime values",
    method: "GET",
    load: async () => (await import("./runtime.ts")).runtime,
  },
  "/server_info": {
    description: "print server version/status information",
    method: "GET",
    load: async () => (await import("./server-info.ts")).serverInfo,
  },
  "/stats": {
    description: "print server stats",
    method: "GET",
    parameters: {
      usedonly: "Only include stats that have been written by system since restart",
      filter: "Regular expression (RE2) for filtering stats",
      format: "Format to use; One of (text, json, prometheus)",
      type: "Stat types to include; One of (All, Counters, Gauges, Histograms, TextReadouts)",
    },
    load: async () => (await import("./stats.ts")).stats,
  },
  "/stats/prometheus": {
    description: "print server stats in prometheus format",
    method: "GET",
    load: async () => (await import("./prometheus.ts")).prometheus,
  },
  "/tap": {
    description: "stream requests and responses as they end: POST takes Envoy's TapRequest, GET the parameters below",
    method: "any",
    parameters: {
      path: "Prefix of the path",
      method: "Method",
      authority: "Host",
      header: "name or name:value of a request header; may be repeated",
      status: "Status, as 503, 5xx or 400-499",
      source: "Address or SPIFFE identity of the client",
      body: "Record so many bytes of each body; 0 without it",
      count: "End after so many",
      duration: "End after so many seconds",
      redact: "A further header whose value is not shown; credentials never are",
    },
    load: async () => (await import("./tap.ts")).tap,
  },
};
