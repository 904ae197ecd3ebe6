// Prints the token that the default credential gets for the scope on the command line.
import { DefaultAzureCredential } from '@azure/identity';

const { token } = await new DefaultAzureCredential().getToken(process.argv[2] ?? '');
process.stdout.write(token);
