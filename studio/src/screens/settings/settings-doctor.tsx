/** @file Whether Keepsake can work here: the machine, what fits it, and the library's health. */
import { formatAbout, formatBytes } from "../../parts/format.ts";
import { Icon } from "../../parts/icon.tsx";
import type { DoctorReport } from "../../state/contract.ts";
import { tellFault } from "../../state/messages.ts";
import { isOver, latest, start } from "../../state/studio.ts";
import { text } from "../../strings.ts";

export function SettingsDoctor() {
  const doctor = latest("doctor");
  const verify = latest("verify");
  const isExamining = doctor !== undefined && !isOver(doctor);
  const isVerifying = verify !== undefined && !isOver(verify);
  return (
    <>
      <div class="actions">
        <button
          type="button"
          class="button"
          disabled={isExamining}
          onClick={() => void tellFault(() => start({ kind: "doctor" }))}
        >
          {isExamining ? text.common.working : text.doctor.examine}
        </button>
        <button
          type="button"
          class="button"
          disabled={isVerifying}
          onClick={() => void tellFault(() => start({ kind: "verify" }))}
        >
          {isVerifying ? text.common.working : text.doctor.verify}
        </button>
      </div>
      {doctor?.fault !== undefined && <p class="hint hint-fault">{doctor.fault.message}</p>}
      {verify?.fault !== undefined && <p class="hint hint-fault">{verify.fault.message}</p>}
      {verify?.result?.kind === "verify" && <Faults faults={verify.result.faults} />}
      {doctor?.result?.kind === "doctor" && <Report report={doctor.result.report} />}
    </>
  );
}

function Faults({ faults }: { readonly faults: readonly { readonly file: string; readonly fault: string }[] }) {
  if (faults.length === 0) {
    return (
      <p class="well" role="status">
        <Icon name="check" />
        {text.doctor.whole}
      </p>
    );
  }
  return (
    <ul class="notes" role="alert">
      {faults.map(({ file, fault }) => (
        <li key={file}>{text.doctor.fault(file, fault)}</li>
      ))}
    </ul>
  );
}

function Report({ report }: { readonly report: DoctorReport }) {
  const { problems, processor, memory, disk, speed, versions, fits } = report;
  const facts: readonly (readonly [string, string])[] = [
    [text.doctor.processor, text.doctor.processorOf(processor.model, processor.cores, processor.instructions ?? [])],
    ...(speed === undefined ? [] : [[text.doctor.speed, text.doctor.flops(speed.training / 1e9)] as const]),
    [text.doctor.memory, text.doctor.freeOf(formatBytes(memory.free), formatBytes(memory.total))],
    ...(disk.free === undefined ? [] : [[text.doctor.disk, text.doctor.free(formatBytes(disk.free))] as const]),
    [
      text.doctor.versions,
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
  ];
  return (
    <>
      {problems.length === 0 ? (
        <p class="well" role="status">
          <Icon name="check" />
          {text.doctor.well}
        </p>
      ) : (
        <ul class="notes" role="alert">
          {problems.map(({ message }) => (
            <li key={message}>{message}</li>
          ))}
        </ul>
      )}
      <dl class="facts facts-wide">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {fits.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={text.doctor.fits}>
          <table class="table">
            <caption>{text.doctor.fits}</caption>
            <thead>
              <tr>
                <th scope="col">{text.settings.model}</th>
                <th scope="col">{text.doctor.size}</th>
                <th scope="col">{text.doctor.learning}</th>
                <th scope="col">{text.doctor.drawing}</th>
              </tr>
            </thead>
            <tbody>
              {fits.map(({ model, resolution, learn, generate }) => (
                <tr key={`${model} ${resolution}`}>
                  <th scope="row">{model}</th>
                  <td>{resolution}</td>
                  <td>
                    {learn.mode === undefined
                      ? text.doctor.needs(formatBytes(learn.bytes))
                      : text.doctor.step(formatAbout(learn.secondsPerStep), formatBytes(learn.bytes))}
                  </td>
                  <td>
                    {generate.fits
                      ? text.doctor.picture(formatAbout(generate.secondsPerPicture), formatBytes(generate.bytes))
                      : text.doctor.needs(formatBytes(generate.bytes))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
