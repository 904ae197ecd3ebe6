export { writeAzureCliStub, type AzureCliStubOptions } from './azure-cli-stub.ts';
export { type BlobFault } from './blob-faults.ts';
export { BlobGate, type BlobGateOptions, type StorageControlPlane } from './blob-gate.ts';
export { type BlobUpstreamOptions } from './blob-upstream.ts';
export { makeCertificate, type Certificate } from './certificate.ts';
export { handlersByPrefix, listenerOf, startHttpsServer, type HttpsServer, type HttpsServerOptions } from './https-server.ts';
export { identityEndpoint, type IdentityEndpointOptions, type ManagedIdentity } from './identity-endpoint.ts';
export { issueToken, readToken, type Token } from './tokens.ts';
