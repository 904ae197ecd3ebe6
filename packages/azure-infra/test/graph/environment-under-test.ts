import type { EnvironmentFacts } from '../../src/environment/training-environment.ts';
import type { InfraSettings } from '../../src/settings/infra-settings.ts';
import { resolveSettings } from '../../src/settings/resolve-settings.ts';

/** A subscription of nobody's. */
export const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555';

/** The guide's settings, with these in the place of some. */
export function settings(environment: Readonly<Record<string, string>> = {}): InfraSettings {
  return resolveSettings({ flags: {}, environment }).settings;
}

/** Who provisions in tests, and with what. */
export const FACTS: EnvironmentFacts = {
  subscriptionId: SUBSCRIPTION,
  caller: { objectId: 'aaaaaaaa-0000-4000-8000-000000000001', type: 'User' },
  sshPublicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA test',
  sshSources: ['203.0.113.7/32'],
  customData: '#cloud-config\n{}\n',
  ownsGroup: true,
};
