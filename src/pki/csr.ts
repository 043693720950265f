// PKCS#10 certificate requests (RFC 2986): made by the agent, read by the authority. A request proves possession of a key and
// carries the one name its sender believes to have; who the sender is, is proven elsewhere.
import type { KeyObject } from "node:crypto";
import { readAltNames } from "./certificate-extensions.ts";
import { contextConstructed, contextPrimitive, DerReader, TAG } from "./der-reader.ts";
import { bitString, booleanTrue, element, integer, octetString, oid, sequence, setOf } from "./der-writer.ts";
import { importPublicKey, type KeyPair } from "./key.ts";
import { OID } from "./oid.ts";
import { attempt, MalformedError, type Parsed, unwrap } from "./parsed.ts";
import { formatPem, parsePem } from "./pem.ts";
import { readSigned, type SignedParts, signatureAlgorithm, signBody, verifySigned } from "./signature.ts";
import { parseSpiffeId, type SpiffeId } from "./spiffe.ts";

/** A request that could be read: possession of the key is still unproven. */
export interface CertificateRequest {
  /** The name asked for. */
  readonly id: SpiffeId;
  readonly publicKey: KeyObject;
  readonly publicKeyInfo: Uint8Array;
  readonly signed: SignedParts;
}

/** 16 KiB, where a P-256 request has 0.4 and an RSA-4096 one 1.8. */
const MAX_REQUEST_LENGTH = 16_384;
const MAX_ATTRIBUTES = 16;

/** A request for one SPIFFE id, PEM. The subject stays empty, so the name is critical, as in the certificate to come. */
export function makeCertificateRequest(key: KeyPair, id: SpiffeId): string {
  const altNames = sequence(
    oid(OID.subjectAltName),
    booleanTrue(),
    octetString(sequence(element(contextPrimitive(6), Buffer.from(id.uri)))),
  );
  const attributes = element(contextConstructed(0), sequence(oid(OID.extensionRequest), setOf(sequence(altNames))));
  const body = sequence(integer(0), sequence(), key.publicKeyInfo, attributes);
  return formatPem(
    "CERTIFICATE REQUEST",
    sequence(body, signatureAlgorithm(key.privateKey), bitString(signBody(body, key.privateKey))),
  );
}

/**
 * Reads and checks a request from an untrusted sender: size, structure, a key that is fit for use, exactly one URI as the only name.
 * Its signature is checked by `provesPossession`, which costs more, after the sender has been authenticated.
 */
export function parseCertificateRequest(pem: string): Parsed<CertificateRequest> {
  return attempt(() => {
    if (pem.length > MAX_REQUEST_LENGTH)
      throw new MalformedError(`certificate request is above the limit of ${MAX_REQUEST_LENGTH} characters`);
    const blocks = unwrap(parsePem(pem));
    const [block] = blocks;
    // openssl wrote NEW CERTIFICATE REQUEST before version 1.0 and RFC 7468 7 still wants it read.
    if (blocks.length !== 1 || !/^(?:NEW )?CERTIFICATE REQUEST$/.test(block!.label))
      throw new MalformedError("not one PEM block CERTIFICATE REQUEST");
    const signed = readSigned(block!.der);
    const body = new DerReader(signed.body).enter(TAG.sequence);
    if (body.smallInteger() !== 0) throw new MalformedError("certificate request is not of version 1");
    body.enter(TAG.sequence); // the subject: an identity is a URI here, whatever stands in it is ignored, as istiod does
    const publicKeyInfo = body.whole(TAG.sequence);
    const id = readName(body.enter(contextConstructed(0)));
    body.expectEnd();
    return { id, publicKey: unwrap(importPublicKey(publicKeyInfo)), publicKeyInfo, signed };
  });
}

/** Whether the request was signed with the key that it wants certified. */
export function provesPossession(request: CertificateRequest): Parsed<boolean> {
  return attempt(() => verifySigned(request.signed, request.publicKey));
}

function readName(attributes: DerReader): SpiffeId {
  let names: SpiffeId | undefined;
  for (let count = 0; !attributes.atEnd; count++) {
    if (count === MAX_ATTRIBUTES)
      throw new MalformedError(`more than ${MAX_ATTRIBUTES} attributes in a certificate request`);
    const attribute = attributes.enter(TAG.sequence);
    const type = attribute.oid();
    const values = attribute.enter(TAG.set);
    attribute.expectEnd();
    if (type !== OID.extensionRequest) continue;
    if (names !== undefined) throw new MalformedError("certificate request asks for extensions twice");
    names = readRequestedName(values.enter(TAG.sequence));
    values.expectEnd();
  }
  if (names === undefined)
    throw new MalformedError("certificate request names nobody: one URI subject alternative name is needed");
  return names;
}

/** Other extensions are ignored: what a certificate may be used for is the authority's decision. */
function readRequestedName(extensions: DerReader): SpiffeId {
  let id: SpiffeId | undefined;
  while (!extensions.atEnd) {
    const extension = extensions.enter(TAG.sequence);
    const type = extension.oid();
    const critical = extension.next(TAG.boolean) ? extension.boolean() : false;
    const value = extension.contents(TAG.octetString);
    extension.expectEnd();
    if (type !== OID.subjectAltName) continue;
    const { uris, dnsNames, others } = readAltNames({ critical, value });
    if (id !== undefined || uris.length !== 1 || dnsNames.length + others > 0) {
      throw new MalformedError("certificate request must have exactly one subject alternative name, a URI");
    }
    id = unwrap(parseSpiffeId(uris[0]!));
  }
  if (id === undefined) throw new MalformedError("certificate request has no subject alternative name");
  return id;
}
