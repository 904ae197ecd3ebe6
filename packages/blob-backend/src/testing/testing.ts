export { AzuriteStartError, startAzurite, type Azurite, type AzuriteAccount, type AzuriteOptions } from './azurite.ts';
