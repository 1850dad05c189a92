/** A central repository whose commits the receiver allows, and a lab host's checkout of it. */
import type { Lab } from "./lab.ts"

export const CENTRAL = "/srv/lab.git"
export const CHECKOUT = "/opt/cis490"

const GIT = "git -c user.name=lab -c user.email=lab@example.org"

/** What an update of a host runs: the real one builds, this one restarts. */
const INSTALLER = `#!/bin/sh
cis490-shipper drain
systemctl restart cis490-shipper
`

/** Both belong to the user of the services; the checkout stands on the newest commit. */
export const makeCode = async (lab: Lab) => {
  lab.write("/etc/systemd/system/cis490-orchestrator.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
  await lab.print(
    `
    systemctl daemon-reload
    install -d -o cis490 -g cis490 ${CENTRAL} ${CHECKOUT}
    cd /
    runuser -u cis490 -- git init --quiet --bare --initial-branch=main ${CENTRAL}
    runuser -u cis490 -- git -C ${CHECKOUT} init --quiet --initial-branch=main
    runuser -u cis490 -- git -C ${CHECKOUT} remote add origin ${CENTRAL}
    runuser -u cis490 -- mkdir ${CHECKOUT}/scripts
    printf '%s' "$1" > ${CHECKOUT}/scripts/install-lab-host.sh
    chmod 755 ${CHECKOUT}/scripts/install-lab-host.sh
    chown -R cis490: ${CHECKOUT}
    runuser -u cis490 -- ${GIT} -C ${CHECKOUT} add scripts
    runuser -u cis490 -- ${GIT} -C ${CHECKOUT} commit --quiet -m first
    runuser -u cis490 -- git -C ${CHECKOUT} push --quiet origin main
  `,
    INSTALLER
  )
  const head = async (): Promise<string> =>
    (await lab.print(`runuser -u cis490 -- git -C ${CHECKOUT} rev-parse HEAD`)).trim()

  return {
    head,
    /** So many commits that the host has not got yet. */
    push: async (count: number): Promise<void> =>
      void (await lab.print(
        `
        cd /
        runuser -u cis490 -- sh -euc '
          clone=$(mktemp -d)
          git clone --quiet ${CENTRAL} "$clone"
          for n in $(seq '"$1"'); do ${GIT} -C "$clone" commit --quiet --allow-empty -m "$n"; done
          git -C "$clone" push --quiet origin main
          rm -rf "$clone"
        '
      `,
        String(count)
      ))
  }
}
export type Code = Awaited<ReturnType<typeof makeCode>>
