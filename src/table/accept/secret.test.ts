// Roots with lists of revoked certificates: what cannot be looked at must be refused, or whom it shuts out would get in.

import { describe, expect, test } from "bun:test";
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type TestCertificate, testLeaf, testRevocations, testRoot } from "../../pki/certificate-fixtures.ts";
import { configRegistry } from "../../proxy/admin/config-registry.ts";
import { Secrets } from "../../proxy/secrets.ts";
import { packAny } from "../../xds/any.ts";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { SecretSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { SPIFFECertValidatorConfigSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.ts";
import { checkCluster, checkSecret, describeRejections } from "./resource.ts";

const now = Date.now();
const root = testRoot(now);
const leaf: TestCertificate = testLeaf(root, "spiffe://cluster.local/ns/default/sa/a", now);
const LIST = testRevocations(root, [leaf], now);
const inline = (text: string) => ({ specifier: { case: "inlineString" as const, value: text } });

function secret(crl: string) {
  const value = { trustedCa: inline(root.pem), crl: inline(crl) };
  return checkSecret(create(SecretSchema, { name: "roots", type: { case: "validationContext", value } }));
}

function clusterSays(context: JsonValue): string {
  const cluster = fromJson(
    ClusterSchema,
    {
      name: "a",
      connect_timeout: "1s",
      transport_socket: {
        name: "tls",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
          common_tls_context: context as { [key: string]: JsonValue },
        },
      },
    },
    { registry: configRegistry },
  );
  const checked = checkCluster(cluster);
  return checked.kind === "rejected" ? describeRejections(checked.rejections) : "";
}

type Bundle = readonly [name: string, pem: string];

describe("SPIFFE bundles", () => {
  const bundles = (...trustDomains: readonly Bundle[]) => {
    const config = create(SPIFFECertValidatorConfigSchema, {
      trustDomains: trustDomains.map(([name, pem]) => ({ name, trustBundle: inline(pem) })),
    });
    const customValidatorConfig = { typedConfig: packAny(SPIFFECertValidatorConfigSchema, config) };
    const type = { case: "validationContext" as const, value: { customValidatorConfig } };
    return checkSecret(create(SecretSchema, { name: "roots", type }));
  };

  test("keep their roots apart", () => {
    const other = testRoot(now);
    expect(bundles(["a", root.pem], ["b", other.pem])).toMatchObject({
      kind: "accepted",
      table: {
        roots: `${root.pem}\n${other.pem}`,
        trustDomains: new Map([
          ["a", root.pem],
          ["b", other.pem],
        ]),
      },
    });
  });

  test("of nobody, of one domain twice, or of no certificate are refused", () => {
    const says = (...trustDomains: readonly Bundle[]) => {
      const checked = bundles(...trustDomains);
      return checked.kind === "rejected" ? describeRejections(checked.rejections) : "";
    };
    const at = "validation_context.custom_validator_config.typed_config.trust_domains";
    expect(says()).toBe(`${at}: empty`);
    expect(says(["a", root.pem], ["a", root.pem])).toBe(`${at}[1].name: "a" is there twice`);
    expect(says(["a", "x"])).toBe(`${at}[0].trust_bundle: not PEM`);
    expect(says(["", root.pem])).toBe(`${at}[0].name: empty`);
  });
});

describe("lists of revoked certificates", () => {
  test("of one text are several texts to OpenSSL", () => {
    expect(secret(`${LIST}# another\n${LIST}`)).toMatchObject({
      kind: "accepted",
      table: { kind: "roots", revoked: [LIST.trim(), LIST.trim()] },
    });
  });

  test("that are none, or cut off, are refused", () => {
    for (const text of ["", root.pem, `${LIST}${LIST.slice(0, -12)}`]) {
      const checked = secret(text);
      expect(checked.kind === "rejected" && describeRejections(checked.rejections)).toBe(
        "validation_context.crl: not PEM",
      );
    }
  });

  test("that OpenSSL cannot read leave the secret that was there", () => {
    const secrets = new Secrets();
    const broken = ["-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"];
    expect(secrets.set("roots", { kind: "roots", roots: root.pem, revoked: [LIST] })).toBeUndefined();
    expect(secrets.set("roots", { kind: "roots", roots: root.pem, revoked: broken })).toStartWith(
      "roots cannot be used: ",
    );
    expect(secrets.pairs()).toEqual([{ chain: undefined, roots: root.pem }]);
  });

  test("belong to roots that stand beside them", () => {
    const [trusted_ca, crl] = [{ inline_string: root.pem }, { inline_string: LIST }];
    const sds = { name: "ROOTCA", sds_config: { ads: {} } };
    expect(clusterSays({ validation_context: { trusted_ca, crl } })).toBe("");
    const alone = "crl: only beside a trusted_ca in the same place";
    expect(clusterSays({ validation_context: { crl } })).toEndWith(alone);
    expect(
      clusterSays({
        combined_validation_context: {
          default_validation_context: { trusted_ca, crl },
          validation_context_sds_secret_config: sds,
        },
      }),
    ).toEndWith(alone);
  });
});
