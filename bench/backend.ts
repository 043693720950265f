// The application behind the proxies: nginx with a small body, cheap enough that the proxies' core is the one that is busy.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PATH } from "./configuration/parts.ts";
import type { Lab, StartOptions } from "./lab.ts";

/** Answers 1 MiB. */
export const LARGE_PATH = `${PATH}/1m`;
const LARGE_BYTES = 1024 * 1024;

function configuration(port: number, folder: string): string {
  return `worker_processes 1; daemon off; master_process off; error_log ${folder}/error.log; pid ${folder}/pid;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; default_type application/json;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  map $http_x_forwarded_client_cert $certificate { default 1; "" 0; }
  map $http_x_request_id $id { default 1; "" 0; }
  map $http_traceparent $trace { default 1; "" 0; }
  server {
    listen 127.0.0.1:${port};
    location = ${PATH}/seen { return 200 '{"x-request-id": $id, "x-forwarded-client-cert": $certificate, "traceparent": $trace}'; }
    location = ${LARGE_PATH} { root ${folder}; sendfile on; open_file_cache max=1; }
    location / { return 200 "hello from golden-signal, in a small body\\n"; }
  }
}
`;
}

/** Its port, once it answers. `${PATH}/seen` tells which headers reached it. */
export async function startBackend(lab: Lab, core: StartOptions["core"] = "client"): Promise<number> {
  const [port = 0] = lab.ports(1);
  const folder = lab.subfolder("backend");
  const file = join(folder, "nginx.conf");
  writeFileSync(file, configuration(port, folder));
  mkdirSync(join(folder, PATH), { recursive: true });
  writeFileSync(join(folder, LARGE_PATH), Buffer.alloc(LARGE_BYTES, "."));
  const child = lab.start("backend", [lab.program("nginx"), "-e", join(folder, "error.log"), "-c", file], {
    core,
  });
  await lab.ready("backend", child, `http://127.0.0.1:${port}/`);
  return port;
}
