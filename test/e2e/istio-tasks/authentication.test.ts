// Authentication: httpbin and its callers in namespaces with and without sidecars, under the objects of the pages below
// tasks/security/authentication and tasks/security/tls-configuration.

import { beforeAll, expect, test } from "bun:test";
import { eventually, type TestGateway, type TestWorkload } from "../../traffic/mesh.ts";
import { TlsClient } from "../../traffic/xds/tls-client.ts";
import { tasks } from "./tasks.ts";
import { Issuer } from "./tokens.ts";

const peers = (name: string, namespace: string, spec: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}
---`;

const rule = (namespace: string, tls: string) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin, namespace: ${namespace}}
spec: {host: httpbin.${namespace}.svc.cluster.local, trafficPolicy: ${tls}}
---`;

const INGRESS = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: httpbin-gateway, namespace: foo}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---`;

const routes = (http: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin, namespace: foo}
spec:
  hosts: ["*"]
  gateways: [httpbin-gateway]
  http: ${http}
---`;

tasks("authentication", (lab) => {
  const issuer = new Issuer("testing@secure.example.com");
  let gateway: TestGateway;
  let httpbin: TestWorkload;
  let other: TestWorkload;
  let curl: TestWorkload;
  const verifies = (app: string) => !lab.isHeddle(app);
  beforeAll(async () => {
    await lab.namespaces("foo", "bar", "legacy");
    [gateway, httpbin, other, curl] = await Promise.all([
      lab.gateway("ingressgateway", 80),
      lab.run({ app: "httpbin", namespace: "foo", ports: { http: 8000 } }),
      lab.run({ app: "httpbin", namespace: "bar", ports: { http: 8000 } }),
      lab.run({ app: "curl", namespace: "foo", ports: { http: 80 } }),
      lab.run({ app: "httpbin", namespace: "legacy", ports: { http: 8000 }, proxy: "none" }),
    ]);
    await lab.settled();
  }, 60_000);

  /** A client without a sidecar, at the door of a server: its status, or 0. */
  const plain = ({ ports }: TestWorkload) =>
    fetch(`http://127.0.0.1:${ports.inbound}/ip`, { signal: AbortSignal.timeout(5_000) }).then(
      ({ status }) => status,
      () => 0,
    );
  const fromLegacy = async (foo: number, bar: number) => {
    const statuses = () => Promise.all([plain(httpbin), plain(other)]);
    expect(await eventually(statuses, (found) => Bun.deepEquals(found, [foo, bar]))).toEqual([foo, bar]);
  };
  const fromMesh = async () => {
    for (const namespace of ["foo", "bar", "legacy"])
      await lab.sees(curl, `http://httpbin.${namespace}:8000/ip`, { status: 200, by: "httpbin-v1" });
  };

  test("authentication policy: mutual TLS", async () => {
    await fromMesh();
    await fromLegacy(200, 200);
    await lab.sees(curl, "http://httpbin.foo:8000/headers", {
      ...{
        status: 200,
        text: /x-forwarded-client-cert":"By=spiffe:\/\/cluster.local\/ns\/foo\/sa\/httpbin;.*sa\/curl/,
      },
    });
    const bare = await lab.sees(curl, "http://httpbin.legacy:8000/headers", { status: 200 });
    expect(bare.body).not.toContain("x-forwarded-client-cert");
    await lab.follow(peers("default", "istio-system", "{mtls: {mode: STRICT}}"));
    await fromMesh();
    await fromLegacy(0, 0);
    await lab.forget();
    await lab.follow(peers("default", "foo", "{mtls: {mode: STRICT}}"));
    await fromMesh();
    await fromLegacy(0, 200);
    const selector = "selector: {matchLabels: {app: httpbin}}";
    await lab.follow(
      peers("httpbin", "bar", `{${selector}, mtls: {mode: STRICT}}`) + rule("bar", "{tls: {mode: ISTIO_MUTUAL}}"),
    );
    await fromMesh();
    await fromLegacy(0, 0);
    await lab.follow(
      peers(
        "httpbin",
        "bar",
        `{${selector}, mtls: {mode: STRICT}, portLevelMtls: {"${other.ports.application}": {mode: DISABLE}}}`,
      ) + rule("bar", "{tls: {mode: ISTIO_MUTUAL}, portLevelSettings: [{port: {number: 8000}, tls: {mode: DISABLE}}]}"),
    );
    await fromMesh();
    await fromLegacy(0, 200);
    await lab.follow(
      peers("overwrite-example", "foo", `{${selector}, mtls: {mode: DISABLE}}`) + rule("foo", "{tls: {mode: DISABLE}}"),
    );
    await fromMesh();
    await fromLegacy(200, 200);
  });

  test("mutual TLS migration", async () => {
    await lab.follow(peers("default", "foo", "{mtls: {mode: PERMISSIVE}}"));
    await fromLegacy(200, 200);
    await lab.follow(peers("default", "foo", "{mtls: {mode: STRICT}}"));
    await fromLegacy(0, 200);
    await lab.follow(peers("default", "istio-system", "{mtls: {mode: STRICT}}"));
    await fromLegacy(0, 0);
    await fromMesh();
  });

  test("authentication policy: end users", async () => {
    const at = { gateway, port: 80 };
    const url = "http://httpbin.example.com/headers";
    const verified = verifies("istio-system/istio-ingressgateway");
    await lab.follow(
      INGRESS + routes("[{route: [{destination: {host: httpbin.foo.svc.cluster.local, port: {number: 8000}}}]}]"),
    );
    await lab.sees(at, url, { status: 200, by: "httpbin-v1" });
    await lab.follow(
      await issuer.authentication("jwt-example", "istio-system", "selector: {matchLabels: {istio: ingressgateway}}"),
      ...(verified ? [] : ["HED2033"]),
    );
    await lab.sees(at, url, { status: 200, by: "httpbin-v1" });
    await lab.sees(
      at,
      { url, headers: { authorization: "Bearer deadbeef" } },
      { status: verified ? 401 : 403, explained: "not" },
    );
    const claims = { iss: issuer.name, sub: issuer.name };
    const bearer = { authorization: `Bearer ${await issuer.token(claims)}` };
    await lab.sees(at, { url, headers: bearer, claims }, { status: verified ? 200 : 403 });
    await lab.sees(
      at,
      { url, headers: { authorization: `Bearer ${await issuer.token(claims, "expired")}` } },
      { status: verified ? 401 : 403, explained: "not" },
    );
    const required = (to: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: frontend-ingress, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  action: DENY
  rules: [{from: [{source: {notRequestPrincipals: ["*"]}}]${to}}]`;
    await lab.follow(required(""), "HED1715");
    await lab.sees(at, url, { status: 403, by: "proxy" });
    await lab.follow(required(", to: [{operation: {paths: [/headers]}}]"), "HED1715");
    await lab.sees(at, url, { status: 403, by: "proxy" });
    await lab.sees(at, "http://httpbin.example.com/ip", { status: 200, by: "httpbin-v1" });
    await lab.sees(at, { url, headers: bearer, claims }, { status: verified ? 200 : 403 });
  });

  test("copying claims to headers", async () => {
    const verified = verifies("foo/httpbin");
    const url = "http://httpbin.foo:8000/headers";
    await lab.follow(
      await issuer.authentication(
        "jwt-example",
        "foo",
        "selector: {matchLabels: {app: httpbin}}",
        ", outputClaimToHeaders: [{header: x-jwt-claim-foo, claim: foo}]",
      ),
      ...(verified ? [] : ["HED2033"]),
    );
    const claims = { iss: issuer.name, sub: issuer.name, foo: "bar" };
    await lab.sees(
      curl,
      { url, headers: { authorization: "Bearer invalidToken" } },
      { status: verified ? 401 : 403, explained: "not" },
    );
    await lab.sees(
      curl,
      { url, headers: { authorization: `Bearer ${await issuer.token(claims)}` }, claims },
      verified ? { status: 200, text: '"x-jwt-claim-foo":"bar"' } : { status: 403 },
    );
  });

  test("routing by claims", async () => {
    const at = { gateway, port: 80 };
    const url = "http://httpbin.example.com/headers";
    const verified = verifies("istio-system/istio-ingressgateway");
    await lab.follow(
      INGRESS +
        (await issuer.authentication(
          "ingress-jwt",
          "istio-system",
          "selector: {matchLabels: {istio: ingressgateway}}",
        )) +
        routes(
          '[{match: [{uri: {prefix: /headers}, headers: {"@request.auth.claims.groups": {exact: group1}}}], route: [{destination: {host: httpbin, port: {number: 8000}}}]}]',
        ),
      ...(verified ? [] : ["HED2033"]),
    );
    await lab.sees(at, url, { status: 404, by: "proxy" });
    await lab.sees(
      at,
      { url, headers: { authorization: "Bearer some.invalid.token" } },
      { status: verified ? 401 : 403, explained: "not" },
    );
    const of = async (claims: Readonly<Record<string, unknown>>) => ({
      url,
      headers: { authorization: `Bearer ${await issuer.token(claims)}` },
      claims: { ...claims } as never,
    });
    const subject = { iss: issuer.name, sub: issuer.name };
    await lab.sees(at, await of({ ...subject, groups: ["group1", "group2"] }), { status: verified ? 200 : 403 });
    await lab.sees(at, await of(subject), { status: verified ? 404 : 403 });
  });

  test("minimum version of TLS", async () => {
    await lab.follow(`
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: '{meshMTLS: {minProtocolVersion: TLSV1_3}}'
---${peers("default", "foo", "{mtls: {mode: STRICT}}")}`);
    const identity = lab.mesh.identityOf("curl");
    const spoken = (maxVersion: "TLSv1.2" | "TLSv1.3") =>
      TlsClient.connect(
        { host: "127.0.0.1", port: httpbin.ports.inbound },
        { alpn: ["istio"], identity, maxVersion },
      ).then(
        (client) => {
          const version = client.socket.getProtocol();
          client.close();
          return version;
        },
        () => "none",
      );
    expect(
      await eventually(
        () => spoken("TLSv1.2"),
        (found) => found === "none",
      ),
    ).toBe("none");
    expect(await spoken("TLSv1.3")).toBe("TLSv1.3");
    await fromMesh();
  });
});
