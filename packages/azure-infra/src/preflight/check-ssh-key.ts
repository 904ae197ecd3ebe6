import { InfraError } from '../errors.ts';
import { error, type Check } from './check.ts';

/** There is a public key that Azure takes. */
export const checkSshKey: Check = {
  rule: 'INFRA_CHECK_SSH_KEY',
  tells: 'whether there is a public SSH key',
  async run({ sshPublicKey }) {
    try {
      await sshPublicKey();
      return [];
    } catch (fault) {
      if (!(fault instanceof InfraError)) throw fault;
      const [message = '', ...suggestion] = fault.message.split('\n');
      return [error(message, suggestion.join('\n'))];
    }
  },
};
