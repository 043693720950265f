// Certificates for tests, good and broken in one point at a time.
import { type Certificate, certificatePem, parseCertificate } from "./certificate.ts";
import { buildCertificate, type CertificateTemplate, organizationName } from "./certificate-builder.ts";
import { KEY_USAGE } from "./certificate-extensions.ts";
import { bitString, integer, sequence, time } from "./der-writer.ts";
import { exportPrivateKey, generateKeyPair, type KeyPair } from "./key.ts";
import { OID } from "./oid.ts";
import { formatPem } from "./pem.ts";
import { signatureAlgorithm, signBody } from "./signature.ts";

export const HOUR_MS = 3_600_000;
/** Noon of 1 January 2030, for tests that bring their own clock. */
export const NOON_MS = Date.UTC(2030, 0, 1, 12);

export interface TestCertificate {
  readonly certificate: Certificate;
  readonly key: KeyPair;
  readonly pem: string;
  readonly keyPem: string;
}

let serial = 0;

/** A self-signed root of `spiffe://cluster.local`, valid an hour around `nowMs`. */
export function testRoot(nowMs: number, changes: Partial<CertificateTemplate> = {}): TestCertificate {
  const key = generateKeyPair();
  const name = organizationName("cluster.local");
  return finish(key, key, { ...authorityTemplate(key, nowMs), issuer: name, subject: name, ...changes });
}

/** An intermediate authority below `issuer`. */
export function testIntermediate(
  issuer: TestCertificate,
  nowMs: number,
  changes: Partial<CertificateTemplate> = {},
): TestCertificate {
  const key = generateKeyPair();
  const subject = organizationName(`intermediate ${serial}`);
  return finish(key, issuer.key, { ...authorityTemplate(key, nowMs), ...below(issuer), subject, ...changes });
}

/** A workload's certificate below `issuer`, by all rules but for `changes`. */
export function testLeaf(
  issuer: TestCertificate,
  uri: string,
  nowMs: number,
  changes: Partial<CertificateTemplate> = {},
): TestCertificate {
  const key = generateKeyPair();
  return finish(key, issuer.key, {
    ...aroundNow(key, nowMs),
    ...below(issuer),
    subject: organizationName(""),
    uris: [uri],
    keyUsage: KEY_USAGE.digitalSignature,
    extendedKeyUsage: [OID.serverAuth, OID.clientAuth],
    ...changes,
  });
}

function finish(key: KeyPair, signer: KeyPair, template: CertificateTemplate): TestCertificate {
  const certificate = parseCertificate(buildCertificate(template, signer.privateKey));
  if (certificate.kind === "malformed") throw new Error(`fixture cannot be read: ${certificate.reason}`);
  const pem = certificatePem(certificate.value);
  return { certificate: certificate.value, key, pem, keyPem: exportPrivateKey(key).reveal() };
}

function authorityTemplate(key: KeyPair, nowMs: number) {
  const keyUsage = KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign;
  return { ...aroundNow(key, nowMs), uris: ["spiffe://cluster.local"], authority: {}, keyUsage };
}

function aroundNow(key: KeyPair, nowMs: number) {
  const number = Uint8Array.of(1, ++serial >> 8, serial & 255);
  return {
    serial: number,
    notBeforeMs: nowMs - HOUR_MS,
    notAfterMs: nowMs + HOUR_MS,
    publicKeyInfo: key.publicKeyInfo,
  };
}

function below(issuer: TestCertificate) {
  return { issuer: issuer.certificate.subject, issuerKeyIdentifier: issuer.certificate.subjectKeyIdentifier };
}

/** PEM of a list (RFC 5280 5.1) of certificates that `issuer` has revoked, good for an hour around `nowMs`. */
export function testRevocations(issuer: TestCertificate, revoked: readonly TestCertificate[], nowMs: number): string {
  const { privateKey } = issuer.key;
  const algorithm = signatureAlgorithm(privateKey);
  const octets = ({ certificate: { serial } }: TestCertificate) =>
    Buffer.from(serial.padStart(serial.length + (serial.length % 2), "0"), "hex");
  const entries = revoked.map((each) => sequence(integer(octets(each)), time(nowMs - HOUR_MS)));
  const body = sequence(
    integer(1),
    algorithm,
    issuer.certificate.subject,
    time(nowMs - HOUR_MS),
    time(nowMs + HOUR_MS),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  );
  return formatPem("X509 CRL", sequence(body, algorithm, bitString(signBody(body, privateKey))));
}
