/**
 * @file Keepsake's public interface: teach a Stable Diffusion model one concept after another, and draw them. Its parts
 * are published beside it: "keepsake/graph", "keepsake/diffusion", "keepsake/adapters", "keepsake/strategies",
 * "keepsake/evaluation".
 */
export { Keepsake, type OpenOptions, type PhotosRequest } from "./keepsake/keepsake.ts";
export type { Operation } from "./keepsake/operation.ts";
export type { LearnProgress, LearnRequest, LearnResult } from "./keepsake/learn-and-preview.ts";
export type { SampleProgress, SampleRequest } from "./keepsake/training/samples.ts";
export type { ValidationProgress, ValidationRequest } from "./keepsake/training/validation.ts";
export type { DoctorReport } from "./keepsake/planning/doctor.ts";
export type { LearnPlan, PlannedSeconds } from "./keepsake/planning/learn-plan.ts";
export type { LearnAllProgress, LearnAllRequest, SkippedThing, Thing } from "./keepsake/learn-all.ts";
export type { PhotoReport, SeenPhoto } from "./training/photos/photo-sheet.ts";
export type { GenerateFilesRequest, GenerateProgress, GenerateRequest } from "./keepsake/generate.ts";
export { Picture } from "./keepsake/picture.ts";
export type { DrawingSettings } from "./keepsake/picture-parameters.ts";
export type { ClassifiedPicture, ClassifyProgress, ClassifyRequest } from "./keepsake/classify.ts";
export type {
  ForgettingCell,
  ForgettingMatrix,
  ForgettingMatrixProgress,
  ForgettingMatrixRequest,
} from "./keepsake/previews/forgetting-matrix.ts";
export type { PhotoInMemory, PhotoSource } from "./training/photos/find-photos.ts";
export type { PhotoCrop } from "./training/photos/photo-framing.ts";
export type { ImageInMemory } from "./io/images/image-source.ts";
export type { PreviewReport, PreviewsRequest } from "./keepsake/previews/preview-last-learn.ts";
export type { PreviewProgress } from "./keepsake/previews/previews.ts";
export type { UnlearnProgress, UnlearnRequest, UnlearnResult } from "./keepsake/unlearn-concept.ts";
export type { VerifyReport } from "./keepsake/verify.ts";
export type { ExportedToken, ExportFormat, ExportRequest, ExportResult } from "./keepsake/files/export.ts";
export type { ExtraFiles } from "./keepsake/files/extra-files.ts";
export type { ImportRequest, ImportResult } from "./keepsake/files/import.ts";
export type { ForgetResult } from "./library/forget.ts";
export type { ConceptFacts, ConceptList, LibraryHistory } from "./library/history.ts";
export type { RenameResult } from "./library/renaming/rename.ts";
export type { UndoResult } from "./library/undo.ts";
export { StableDiffusionPipeline } from "./diffusion/pipeline.ts";
export { KeepsakeError, type ErrorKind } from "./errors.ts";
export type { ProgramOptions, Provider } from "./graph/index.ts";
export type { RgbImage } from "./io/images/rgb-image.ts";
