import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, listAt, stringAt, type JsonObject } from '../arm/json.ts';
import { text } from './body.ts';

/** Length of base64 text that 64 KB come to, the most that `customData` may have. */
const MAX_CUSTOM_DATA = 87_380;
const RESERVED_USERS = ['root', 'admin', 'administrator', 'user', 'guest', 'test'];

/** @throws {ArmError} when a new machine's user, key or cloud-init is not acceptable. */
export function checkOsProfile(body: JsonObject): void {
  const fail = (target: string, message: string): never => {
    throw new ArmError(400, 'InvalidParameter', message, { target });
  };
  const user = text(body, 'properties.osProfile.adminUsername');
  text(body, 'properties.osProfile.computerName');
  if (RESERVED_USERS.includes(user.toLowerCase())) fail('adminUsername', `The Admin Username specified is not allowed: '${user}'.`);
  const keys = listAt(body, 'properties.osProfile.linuxConfiguration.ssh.publicKeys');
  const passwordless = at(body, 'properties.osProfile.linuxConfiguration.disablePasswordAuthentication') === true;
  if (passwordless && keys.length === 0) {
    fail('linuxConfiguration.ssh.publicKeys', 'Authentication using SSH public keys requires at least one key.');
  }
  if (!passwordless && stringAt(body, 'properties.osProfile.adminPassword') === undefined) {
    fail('adminPassword', 'Authentication using either SSH or by user name and password must be enabled in Linux profile.');
  }
  for (const key of keys) {
    const data = stringAt(key, 'keyData') ?? '';
    if (!/^(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/=]{20,}/.test(data)) {
      fail('linuxConfiguration.ssh.publicKeys.keyData', 'The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.');
    }
    if (stringAt(key, 'path') !== `/home/${user}/.ssh/authorized_keys`) {
      fail(
        'linuxConfiguration.ssh.publicKeys.path',
        `Destination path for SSH public keys is currently limited to its default value /home/${user}/.ssh/authorized_keys due to a known issue in Linux provisioning agent.`,
      );
    }
  }
  const customData = at(body, 'properties.osProfile.customData');
  if (customData === undefined || customData === null) return;
  if (typeof customData !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(customData) || customData.length % 4 !== 0) {
    fail('customData', 'Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.');
  } else if (customData.length > MAX_CUSTOM_DATA) {
    fail('customData', `Custom data in OSProfile must be in Base64 encoding and with a maximum length of ${MAX_CUSTOM_DATA} characters.`);
  }
}

/** @throws {ArmError} when the marketplace has no such image. */
export function demandImage(body: JsonObject, { images }: ArmContext): void {
  const reference = at(body, 'properties.storageProfile.imageReference');
  if (reference === undefined || stringAt(reference, 'id') !== undefined) return;
  const parts = ['publisher', 'offer', 'sku'].map((name) => stringAt(reference, name) ?? '');
  if (images.some((image) => image.toLowerCase() === parts.join(':').toLowerCase())) return;
  const names = `${parts.join(':')}:${stringAt(reference, 'version') ?? ''}`;
  throw new ArmError(
    404,
    'PlatformImageNotFound',
    `The platform image '${names}' is not available. Verify that all fields in the storage profile are correct.`,
    {
      target: 'imageReference',
    },
  );
}
