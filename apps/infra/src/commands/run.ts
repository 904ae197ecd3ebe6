import type { Machine, RunView, TrainingRunOptions } from '@warpforge/azure-infra';
import { Option, type Command } from 'commander';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve as resolvePath } from 'node:path';
import type { CommandContext, Resolve } from '../command-context.ts';
import { interruptible } from '../interrupt.ts';
import { openMountPoint } from '../local-mount-point.ts';
import { programFolders } from '../program-folders.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';
import { addVmOptions, openVm, type VmOptions } from '../vm-options.ts';

const EXAMPLES = `
Starts the mount daemon, or uses the one that is running; waits until reads work; lists the shards; warms the cache; trains; unmounts. Where
a step fails, or at Ctrl-C, the rest is left out and what was started is ended.

On the VM the configuration is /etc/warpdrive/config.yaml, which "config --install" writes. With --here it is made from what was
provisioned, the daemon signs in as you do ("az login"), and a mount point that is missing is there for as long as the training.

Examples:
  $ warpforge-infra run
  $ warpforge-infra run --train-steps 200 --batch-size 32
  $ warpforge-infra run --compare                      the same training with a cold cache and a warm one
  $ warpforge-infra run --here --config warpdrive.yaml`;

interface RunOptions extends VmOptions {
  readonly here?: true;
  readonly config?: string;
  readonly warm: boolean;
  readonly compare?: true;
  readonly json?: true;
}

/** `run`: a training through the mount, from start to end. */
export function addRunCommand(program: Command, resolve: Resolve): void {
  const command = program.command('run').description('mount, list, warm, train and unmount: on the VM, or here');
  addVmOptions(addOutputFolderOption(addSettingsOptions(command, ['mount', 'training'])))
    .addOption(new Option('--here', 'on this machine instead of the VM').conflicts(['host', 'user', 'port', 'identity']))
    .option('--config <file>', 'configuration of the mount daemon, on the machine that mounts')
    .option('--no-warm', 'train at once; the shards come into the cache as they are read')
    .addOption(new Option('--compare', 'train twice instead of warming: with what is in the cache, and again').conflicts('warm'))
    .option('--json', 'print the result as one JSON object; progress goes to standard error')
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunOptions, self: Command) => {
      const context = await resolve(self);
      const { runTraining } = await import('@warpforge/azure-infra');
      await using made = new AsyncDisposableStack();
      if (options.here === true && options.config === undefined) made.use(await openMountPoint(context.settings.mount.point));
      const place = options.here === true ? await here(context, options.config) : await onVm(context, options);
      const result = await interruptible((signal) =>
        runTraining({
          ...place,
          training: context.settings.training,
          mode: options.compare === true ? 'compare' : options.warm ? 'warm' : 'cold',
          view: textView(options.json === true ? process.stderr : process.stdout),
          signal,
        }),
      );
      if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
    });
}

type Place = Pick<TrainingRunOptions, 'machine' | 'configPath' | 'mountAsRoot' | 'programFolders'>;

async function onVm(context: CommandContext, options: RunOptions): Promise<Place> {
  const { DAEMON_CONFIG_PATH } = await import('@warpforge/azure-infra');
  const machine: Machine = await openVm(context, options);
  return { machine, configPath: options.config ?? DAEMON_CONFIG_PATH, mountAsRoot: true };
}

async function here(context: CommandContext, config: string | undefined): Promise<Place> {
  const { LocalMachine } = await import('@warpforge/azure-infra');
  const configPath = config === undefined ? await writeLocalConfig(context) : resolvePath(config);
  return { machine: new LocalMachine(), configPath, mountAsRoot: false, programFolders: programFolders() };
}

/** Who trains here mounts here, too, so nobody else has to read. */
async function writeLocalConfig(context: CommandContext): Promise<string> {
  const { daemonConfig } = await import('@warpforge/azure-infra');
  const { settings, outputFolder } = context;
  const { storage } = await context.outputs();
  const path = resolvePath(join(outputFolder, 'warpdrive.yaml'));
  await mkdir(outputFolder, { recursive: true });
  await writeFile(path, daemonConfig({ storage, mount: settings.mount, auth: 'default', allowOther: false }));
  return path;
}

/** As in the deployment guide: steps with an arrow, details indented, what the training prints as it is. */
function textView(stream: NodeJS.WritableStream): RunView {
  return {
    step: (title) => stream.write(`==> ${title}\n`),
    detail: (text) => stream.write(`    ${text}\n`),
    line: (text) => stream.write(`${text}\n`),
  };
}
