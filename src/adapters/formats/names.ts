/** @file File names that diffusers and PEFT look for. */

/** `diffusers: loaders/lora_base.py: LORA_WEIGHT_NAME_SAFE` */
export const diffusersLoraFile = "pytorch_lora_weights.safetensors";

/** `peft: utils/constants.py` */
export const peftConfigFile = "adapter_config.json";
export const peftWeightsFile = "adapter_model.safetensors";
