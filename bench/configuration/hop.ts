// One plaintext hop: client → proxy → backend, for each of the four proxies.

import {
  bootstrap,
  cluster,
  collector,
  httpFilter,
  inlineRoutes,
  listener,
  type Message,
  OUTBOUND_RETRIES,
  PATH,
  type Program,
  rbacFilter,
} from "./parts.ts";

export interface HopPorts {
  readonly listen: number;
  readonly admin: number;
  readonly backend: number;
}

const CLUSTER = "outbound|80||golden-signal.default.svc.cluster.local";

/** The same for Envoy and Heddle but for the tracer. */
export function hopBootstrap(ports: HopPorts, log: string, program: Program): Message {
  const loopback = { direct_remote_ip: { address_prefix: "127.0.0.0", prefix_len: 8 } };
  const http = httpFilter({
    name: "hop",
    program,
    accessLog: log,
    filters: [rbacFilter(loopback)],
    routes: inlineRoutes("hop", {}, { cluster: CLUSTER, retry_policy: OUTBOUND_RETRIES }),
  });
  return bootstrap({
    name: "client",
    adminPort: ports.admin,
    listeners: [listener({ name: "hop", port: ports.listen, direction: "OUTBOUND", chain: { filters: [http] } })],
    clusters: [cluster({ name: CLUSTER, port: ports.backend, protocol: "http/1.1" }), collector()],
  });
}

/** nginx with what its users turn on for the same purposes. The log is buffered as Envoy's (64 KiB). */
export function nginxHop(ports: HopPorts, log: string, folder: string): string {
  return `worker_processes 1; daemon off; master_process off; error_log ${folder}/error.log; pid ${folder}/pid;
events { worker_connections 4096; }
http {
  log_format full '[$time_iso8601] "$request_method $request_uri $server_protocol" $status $request_length $body_bytes_sent $request_time $upstream_response_time "$http_x_forwarded_for" "$http_user_agent" "$request_id" "$host" "$upstream_addr" $server_addr:$server_port $remote_addr:$remote_port';
  access_log ${log} full buffer=64k flush=1s;
  keepalive_requests 100000000;
  map $request_id $span { "~^(?<first>.{16})" $first; }
  map $http_traceparent $trace { "" "00-$request_id-$span-00"; default $http_traceparent; }
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream backend { server 127.0.0.1:${ports.backend}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${ports.admin};
    location = /ready { access_log off; return 200 "LIVE\\n"; }
    location = /stats { access_log off; stub_status; }
  }
  server {
    listen 127.0.0.1:${ports.listen};
    location ${PATH} {
      allow 127.0.0.0/8; deny all;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header Traceparent $trace;
      proxy_next_upstream error timeout; proxy_next_upstream_tries 3;
      proxy_pass http://backend;
    }
    location / { return 403; }
  }
}
`;
}

/** HAProxy with the same. It logs to its standard output, which is the log file. */
export function haproxyHop(ports: HopPorts): string {
  return `global
  nbthread 1
  maxconn 4096
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option redispatch
  retries 2
  retry-on conn-failure empty-response response-timeout
  timeout connect 10s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend admin
  bind 127.0.0.1:${ports.admin}
  no log
  http-request return status 200 content-type text/plain string LIVE if { path /ready }
  stats enable
  stats uri /stats
frontend hop
  bind 127.0.0.1:${ports.listen}
  http-request deny deny_status 403 unless { src 127.0.0.0/8 } { method GET POST } { path_beg ${PATH} }
  http-request set-header X-Request-Id %[uuid()]
  http-request set-var(txn.trace) uuid(),regsub(-,,g)
  http-request set-header Traceparent 00-%[var(txn.trace)]-%[var(txn.trace),bytes(0,16)]-00 unless { req.hdr(traceparent) -m found }
  default_backend backend
backend backend
  server one 127.0.0.1:${ports.backend} maxconn 4096
`;
}
