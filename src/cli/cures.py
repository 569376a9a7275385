"""The only table that maps a finding's cures to what a user of the running command types."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..errors import RESTART, Cure, Finding
from .alike import with_shared_cures
from .cure_values import Values
from .typed_folders import with_folders

WORDS = {
    # the command line
    "see_help": "see the command's `--help`",
    "name_target": "give the target as `--to 42_Name`",
    "overwrite": "`--overwrite`",
    "restart": "`--restart`",
    "leave_out": "leave out `{field}`",
    "leave_out_case": "`--leave-out {case}` leaves its case out",
    "keep_going": "`--keep-going` leaves its case out",
    "finished_cases_again": "`--restart` converts the finished cases again",
    "abort": "`segconv abort {target}`",
    "abort_task": "`segconv abort {target}` removes that of nnU-Net v1",
    "abort_dataset": "`segconv abort {dataset} --raw {raw}`",
    "fewer_jobs": "run again with fewer `--jobs`",
    "choose_other_output": "another `-o`",
    "choose_other_target": "give another `{destination:words}`",
    "choose_other_disk": "`-o` on another disk",
    # nnU-Net's folders
    "make_folders": "`segconv paths init {root}`",
    "remember_folders": "`segconv paths init ROOT --remember`",
    "do_not_remember": "leave out `--remember`",
    "name_folder": "give `--{word}`",
    "name_folders": "leave it and give `--raw`, `--preprocessed` and `--results`",
    "show_folders": "see with `segconv paths show` where datasets are looked up",
    "check": "`segconv check {dataset}`",
    "repair": "`segconv repair {dataset} --to 43_New`",
    "link_symbolically": "`--link symlink` works across file systems",
    "copy_files": "`--link none` copies",
    "convert_again": "`segconv convert {folder} --to 43_New` makes a new dataset",
    "name_free_target": "`--to {target}` is free",
    "name_free_task": "`--to-v1 {target}` is free",
    "force_replacing": "`--force` replaces the dataset anyway, and what was made of it no longer fits",
    "force_replacing_linked": "`--force` replaces it anyway; `segconv check` then finds what no longer holds",
    "make_folders_elsewhere": "`segconv paths init ROOT` makes the folders elsewhere, `--raw FOLDER` names one",
    "show_paths": "see with `segconv paths show` where datasets are looked up",
    "take_raw": "`--raw {raw}`",
    "share_more_memory": "`docker run --shm-size=8g`",
    "start_with_gpus": "`docker run --gpus all`, in a container",
    # a dataset that exists
    "rename_label": "`segconv labels rename {dataset} {old}={new}`",
    "make_ignore": "`segconv labels ignore {dataset} --value {label} --to 43_New` makes a label the ignore label",
    "force_labels": "`--force`, then plan and train again",
    "make_again": "`segconv plan {dataset}` makes it again",
    "rewrite": "`segconv convert {dataset} --to 43_New` writes a corrected dataset",
    "rewrite_as": "`segconv convert {dataset} --to 43_New --format {format}`",
    "rewrite_mapped": "`segconv convert {dataset} --to 43_New --map VALUE=NAME`",
    "record_again": "`segconv convert {dataset} --to 43_New` records the files as they are, if this was intended",
    "repair_by_resampling": "`segconv repair {dataset} --to 43_New --repair resample`, if both are where their"
    " headers say",
    "repair_header": "`segconv repair {dataset} --to 43_New --repair header`, if both have the same voxels",
    "repair_external": "`segconv repair {dataset} --to 43_New --allow-external` does so",
    "allow_external": "`--allow-external`",
    "ignore_scribbles": "`segconv labels ignore {dataset} --scribbles --background NAME --to 43_New`",
    "make_splits": "`segconv splits make {dataset}` makes new folds",
    "plan_again": "`segconv plan {dataset}` copies the folds of the dataset there",
    "allow_leaks": "`--allow-leaks` trains nevertheless, and its validation scores are too high",
    "train_held_out": "`-f {fold}` trains on all other cases",
    "train_on_all": "train on all cases with `-f all`",
    "name_patients": "`--patients CSV`, if names mislead",
    "trust_model": "`--trust-model` or `--allow-module {module}`, if you trust where they come from",
    # predictions and references
    "count_missing_as_zero": "`--missing zero`",
    "skip_missing": "`--missing skip`",
    "skip_extra": "`--extra skip`",
    "missing_masks_are_empty": "`--missing-masks empty`, if the class does not occur in this case",
    "files_are_cases": "`--layout files`, if each file is a case of its own",
    "restore_predictions": "`segconv restore {predictions} --like {dataset} -o OUT`, if nnU-Net wrote the predictions",
    "declare_by_dataset": "`--like DATASET`, if both sides hold its values",
    "declare_for_both": "`--labels {labels}`, if both sides use these values",
    "map_values": "`--map {values}`, if they mean the same",
    # models
    "plan": "`segconv plan {dataset}`",
    "plan_where_it_is": "`segconv plan {dataset} --raw {raw}`",
    "make_plans_again": "`segconv plan {dataset}` makes new plans",
    "plan_these": "`segconv plan {dataset}[ {configurations:-c}][ --planner {planner}][ --network {network}]"
    "[ --plans-name {plans}]`",
    "preprocess": "`segconv plan {dataset} -c {configuration}`",
    "preprocess_first": "`segconv plan {dataset} -c {configuration}[ --keep-plans --plans-name {plans}]`",
    "preprocess_again": "`segconv plan {dataset} -c {configuration}[ --keep-plans --plans-name {plans}]` makes them"
    " again",
    "name_plans": "`--plans-name {name}` makes others",
    "keep_plans": "`segconv plan {dataset} --keep-plans[ --plans-name {plans}]` preprocesses with them as they are",
    "choose_patch_size": "`--patch-size {size}`",
    "fewer_stages": "fewer `--stages`",
    "smaller_patch": "derive a configuration with a smaller batch or patch: `segconv plans derive`",
    "train": "`segconv train {dataset} -c {configuration} -f {fold}[ -tr {trainer}][ -p {plans}]`",
    "predict": "`segconv infer {dataset} -i {inputs} -o {output}`",
    "predict_with_dataset": "`segconv infer {dataset} -i {inputs} -o {output}` predicts with the models of a dataset",
    "predict_with_archive": "`segconv predict {model} -i {inputs} -o {output}` predicts with a model from elsewhere",
    "train_from_start": "leave out `--continue`",
    "train_all_again": "`--overwrite -f {folds}` trains all folds again",
    "same_command_resumes": "`{again:words}` goes on from there",
    "resume_job": "`{again:words}` goes on from there; SBATCH_TIMELIMIT and SBATCH_MEM_PER_NODE set limits",
    "resume_stopped": "the same command goes on from there; if it stops again, train with a third of the rate",
    "pretrain": "`segconv finetune {dataset} --from PRETRAINING_DATASET` pretrains with the plans of the dataset",
    "validate_stage": "`segconv train {dataset} -c {configuration} -f {fold}[ -tr {trainer}][ -p {plans}] --val`",
    "list_trainers": "`segconv trainers list` shows all {count}",
    "check_trainer": "check the name given with `-tr`",
    "name_trainers": "`--ext-trainer FOLDER` names a folder with trainers of yours",
    "check_trainer_folders": "give only folders of trainers with `--ext-trainer`",
    "compute_without_gpu": "`--device cpu` computes without a GPU",
    "choose_model": "`-m` takes the folder of a model, or one of these names",
    "trust_files": "`--trust-model`, if you trust where it comes from",
    "train_without_deep_supervision": "`-tr nnUNetTrainerNoDeepSupervision`, to train it without deep supervision",
    "allow_module": "`--allow-module MODULE`, if that module is installed and trusted",
    "choose_conditions": "`--angles 5,10,15` or `--shifts 30,50` set some",
    "do_not_shift": "leave out `--shifts`",
    "stress_less": "fewer `--cases`, `--angles` or `--planes`",
    "find_best": "`segconv best {dataset}[ {configurations:-c}]`",
    "find_best_single": "`segconv best {dataset}[ {configurations:-c}] --no-ensembles`",
    "validate": "`segconv train {dataset} -c {configuration} -f {fold}[ -tr {trainer}][ -p {plans}] --val`",
    "validate_with_probabilities": "`segconv train {dataset} -c {configuration} -f {fold}[ -tr {trainer}][ -p {plans}]"
    " --val --npz` keeps them",
    "without_ensembles": "`--no-ensembles` compares single models only",
    "choose_folds": "`-f {folds}` compares these only",
    "choose_configuration": "`-c {configuration}`",
    "choose_trained": "`-c {configuration}[ -tr {trainer}][ -p {plans}] -f {fold}` takes what is trained",
    "choose_trained_folds": "`-f {folds}` takes what is trained",
    "choose_checkpoint": "`-f {fold} --checkpoint {checkpoint}` takes what is trained so far",
    "raw_output": "add `--raw-output`",
    # rehearsal
    "prove_regions": "`segconv labels regions {dataset} {regions:words}` computes an order that is proved",
    "derive_divisible": "`segconv plans derive {dataset} {name} --from {base} --patch-size {size}`, and rehearse it",
    # the steps of the demo
    "convert": "`segconv convert {source} --to {target}`",
    "augment": "`segconv augment {dataset} --to {target} --rotate {angles} --planes {planes} --hu-shift {shift}`",
    "augment_at_random": "`segconv augment {dataset} --to {target} --rotate-range {range} --preview {preview}`",
    "demo_view_copies": "`segconv view {dataset} --copies --window soft -o {output}`",
    "demo_report": "`segconv report {dataset} -o {output}`",
    "demo_view": "`segconv view {images} --labels {masks} --predictions {predictions} -o {output}`",
    "derive": "`segconv plans derive {dataset} {name} --from {base} --patch-size {size} --batch-size {batch}"
    " --features {features}`",
    "demo_train": "`segconv train {dataset} -c {configuration} -f {fold} -tr {trainer} --device {device}`",
    "demo_infer": "`segconv infer {dataset} -c {configuration} -f 0 -tr {trainer} --device {device} -i {inputs}"
    " -o {output}`",
    "evaluate": "`segconv evaluate {predictions} {references}`",
    "demo_again": "`segconv demo -o {folder} --overwrite` starts again",
    # what a source is, and which file is what
    "choose_source_kind": "choose with `--from {kind}`",
    "name_images_and_masks": "`--images {images} --masks {masks}`",
    "choose_unlabelled": "`--unlabelled skip|test`",
    "name_channels": "`--channels CT` or another name",
    "name_each_channel": "`--channels {channels}`, CT by that name",
    "take_masks_as_classes": "`--from masks`, if they are of classes",
    "take_images_as_channels": "`{images:--images} --masks {masks}` takes them as channels",
    "take_as_label": "`[--from {kind} ]{images:--images} --masks {masks}[ --channels {channels}]` takes {label:words}"
    " as the label",
    "take_as_image": "`{images:--images} --masks {masks}` if {image:words} is the image",
    "take_slices_as_masks": "`--images {images} --masks {masks} --spacing {spacing}` takes each folder of pictures as a"
    " mask",
    "take_one_of_pairs": "`--from pairs --images GLOB --masks GLOB` takes one of them",
    "take_class": "`--from masks --masks {name}` takes one of them",
    "take_as_classes": "`--from masks --masks {names}` takes each as a class",
    "take_as_channels": "`--from pairs --channels {channels}` takes {others:words} as channels",
    "keep_as_channels": "`--channels {channels}` keeps {label:words} as the label and the others as channels",
    "keep_channel": "`--channels {channels}`, or names of your own, keeps it as a channel",
    "take_one_of_masks": "`--images {images} --masks {masks}` takes one of them",
    "take_few_values_as_masks": "`{images:--images} --masks {masks}` takes what holds few values as masks",
    "take_all_as_images": "`--images {images} --unlabelled test --labels background=0,NAME=1` takes all of them as"
    " images to be predicted",
    "read_list": "`--pairs {list}`",
    "pair_by_list": "`--pairs LIST` pairs them by a list with the columns image and label",
    "read_image_folder": "`--images {folder}`",
    "read_msd_folders": "`--from msd --channels NAME --labels background=0,NAME=1` reads the folders only, CT by"
    " that name",
    "convert_as": "`--from {kind}`",
    "convert_folder": "`segconv convert {source} --to {target}`",
    "convert_without_json": "`--from {kind}` takes the folders without what the json says",
    "convert_as_classes": "`--from masks` takes each as a class ({names:words})",
    "take_some_masks": "`--masks NAME,…` takes some of them",
    "give_priority": "`--priority NAME,…` gives an overlap to the first of these",
    "allow_more_heads": "`--max-heads N` allows more",
    "make_cases_of_frames": "`--frames` makes a case of each frame, all of one patient",
    "state_slice_order": "`--slice-order {order}`",
    "state_slice_order_if": "`--slice-order {order}` if {condition:words}",
    "choose_format": "`--format {format}`",
    "take_each_beside_as_class": "`{image:--image}` takes each as a class",
    "take_as_image_beside": "`{images:--image}` if {image:words} is an image",
    "name_image_of_case": "`--image NAME` names the image of a case among its masks",
    "name_image_folder": "`--images DIR` names the folder of the images",
    "name_cases_by_path": "`--case-names path` names cases by their folders",
    "take_some_cases": "make a dataset of each kind with `--cases NAME,…`",
    "take_as_test_images": "`--unlabelled test` takes all as test images",
    "take_case": "`--cases {case}`, if that is meant",
    "name_mask_channels": "`--mask-channels {names}` takes each as the mask of a class",
    "unite_masks": "`--unite-masks` takes their union, if each shows an object of one class",
    "write_grey_as_rgb": "`--grey-to-rgb` writes grey pictures as RGB",
    "take_all_as_channels": "`--channels {channels}` takes all files as channels",
    "leave_out_unlisted": "`--listed-only` leaves it out",
    "read_task_folders": "for a task, `--channels NAME` reads the folders only, CT by that name",
    "raise_max_volume": "`--max-volume {bytes}` if this is intended",
    # what values mean
    "map_value": "`--map {value:=NAME}`",
    "take_nearest": "`--snap {snap}` takes the nearest label",
    "declare_labels": "`--labels {labels}`",
    "declare_labels_if": "`--labels {labels}` if {when:words}",
    "declare_and_snap": "`--labels {labels} --snap {snap}` takes the nearest",
    "declare_and_snap_if": "`--labels {labels} --snap {snap}` if {when:words}",
    "declare_and_map": "`--labels {labels} {values:--map}`",
    "declare_and_map_if": "`--labels {labels} {values:--map}` if {when:words}",
    "declare_by_table": "`--labels TABLE.csv`, a table of names and values",
    "declare_by_one_table": "`--labels {table}` names the one that counts for all masks",
    "declare_numbering": "`--labels totalseg:TASK`, if TotalSegmentator made all of them",
    "accept_labels": "`--accept-labels` makes a label of each value",
    "accept_labels_if": "`--accept-labels` if each value is a class",
    "accept_masks": "`--accept-labels` takes all masks as they are",
    "name_segments": "`--from pairs --channels NAME,… --images GLOB --masks GLOB` takes segments by their names",
    "rename_labels_afterwards": "`segconv labels rename` changes names afterwards",
    "count_missing_masks_as_empty": "`--missing-masks empty`, if this case does not have what they show",
    "make_regions_afterwards": "`segconv labels regions` makes regions afterwards",
    "declare_colours": "declare colours or ranges with `--labels`",
    "map_transparent": "`--map '#00000000=background'`, if transparent means background and the case has no other mask",
    "snap_smoothed": "`--labels background=0,foreground={value} --snap {distance}` takes the nearest",
    # pictures
    "drop_alpha": "`--drop-alpha` leaves alpha out",
    "read_as_volume": "`--from pairs --spacing {spacing}` makes a volume of it",
    "keep_values": "`--format {format}` keeps its values, in volumes of one slice",
    "read_pages_as_channels": "`--from png` without a spacing makes channels of them",
    "give_spacing": "`--spacing {spacing}`, in mm",
    "write_channels_apart": "`--format nii.gz` writes every channel to a file of its own",
    "write_tiff": "`--format tif` has no such limit",
    "read_several_classes": "`--from pairs` reads a file with several classes",
    "skip_unlabelled_frames": "`--unlabelled skip` leaves out frames without a label, if others of their file have one",
    # augmentation
    "rotate_by_angles": "`--rotate 30,60,180 --planes axial`",
    "rotate_in_range": "`--rotate-range 15` for random angles",
    "shift_hu": "`--hu-shift 30:50` for random shifts, if a channel is CT",
    "turn_pictures": "`--planes axial` or `--axis k`",
    "draw_folder": "`--labels FOLDER` draws the images of any folder with segmentations of the same names",
    "make_copies": "`segconv augment {dataset} --to 43_New --rotate-range 15` makes a dataset with copies",
    "keep_format": "leave out `--format`",
    "rename_channels": "`segconv convert {dataset} --to 43_New --channels CT`, if that is what the images are",
    "rewrite_external": "`segconv convert {dataset} --to 43_New --allow-external` reads them",
    "rewrite_pages": "`segconv convert {dataset} --to 43_New --format nii.gz --spacing X,Y,Z` makes volumes of pages",
    "repair_nonfinite": "`segconv repair {dataset} --to 43_New --nonfinite VALUE` replaces them",
    # voxels and grids
    "replace_nonfinite": "`--nonfinite {value}` replaces them",
    "resample": "`--repair resample`, if image and label are both where their headers say",
    "resample_channel": "`--repair resample` takes it to the grid of the first channel",
    "square_axes": "`--repair orthonormal` takes the nearest rotation",
    "label_takes_image_header": "`--label-header image`, if both have the same voxels",
    # TotalSegmentator
    "name_modality": "`--modality ct` or `--modality mr`",
    "choose_task": "`--task NAME`",
    "list_tasks": "`segconv totalseg tasks` lists the tasks, `segconv totalseg classes TASK` the classes",
    "name_task": "`--task TASK` says whose classes these are",
    "install_weights": "`segconv totalseg install FILE.zip` installs the archive",
    "list_weights": "`segconv totalseg weights TASK` lists what a task needs",
}
"""Kind → words, in backticks what is typed. A value that a cure lacks shows as its name in capitals; ``{x:--opt}``
repeats an option for each of several values, ``{x:=TEXT}`` puts a text after each, ``{x:words}`` shows words that are
not typed, and what stands in brackets is left out if its value is missing."""

REMARKS = ("finished_cases_again", "install_weights")
"""Kinds that add something to the others, instead of being another choice."""

INSTEAD = {
    ("repair", "label_takes_image_header"): "`--repair header`, if both have the same voxels",
    ("run", "allow_external"): "",
    ("infer", "allow_external"): "",
    ("infer", "keep_going"): "",
    ("predict", "keep_going"): "",
    ("predict", "allow_external"): "",
    ("plan", "name_trainers"): "",
    ("derive", "name_trainers"): "",
}
"""Command and kind → words, where the command has another option for it; empty if it can do nothing of the kind."""

FILLED_BY = {"numbering": "labels"}
"""Field of a command's options → parameter that fills it, if that has another name."""

_OPTIONAL = re.compile(r"\[([^\[\]{}]*\{(\w+)[^\[\]]*)\]")
_TYPED = re.compile(r"`(--[a-z][a-z-]*)?([^`]*)`")


class Speaker:
    """Words cures as a user of one command types them.

    Attributes
    ----------
    command
        The command that runs, once it is known.
    given
        Its parameters.
    instead
        Command with the options that the running one lacks; empty for one that works on the dataset of that one.
    typed
        Commands and options that it has worded, as a user types them.
    again
        The running command as it was typed, or words for it if it is called otherwise.
    folders
        Options that named nnU-Net's folders → these folders, which commands to come need as well.
    """

    def __init__(self) -> None:
        self.command: click.Command | None = None
        self.given: Mapping[str, Any] = {}
        self.instead = ""
        self.typed: set[str] = set()
        self.again = "the same command"
        self.folders: dict[str, Path] = {}

    def in_words(self, finding: Finding) -> Finding:
        """Return a finding whose hint includes its cures in words."""
        hint, cures = finding.advice
        if finding.severity == "warning" and not (finding.hint or finding.cures):
            cures = tuple(cure for cure in cures if self._types(cure.kind))  # the advice on an error of its code
        choices = dict.fromkeys(filter(None, (hint, *(self.words(cure) for cure in cures if cure.kind not in REMARKS))))
        remarks = dict.fromkeys(self.words(cure) for cure in cures if cure.kind in REMARKS)
        several = ", or ".join(choices).replace("?, or ", "? ")
        return replace(finding, hint="; ".join([several, *remarks]), cures=cures)

    def all_in_words(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return findings with their cures in words; those of one cause have the cure of all."""
        return [self.in_words(finding) for finding in with_shared_cures(findings)]

    def words(self, cure: Cure) -> str:
        """Return what to do, and what to type for it."""
        given = {name: self.given[name] for name in ("target", "dataset") if isinstance(self.given.get(name), str)}
        named = {key: self._option(str(value)) if key == "field" else value for key, value in cure.values}
        values = {**given, **named, "again": self.again, "destination": "--to" if self._knows("--to") else "-o"}
        text = self._text(cure.kind, values)
        again = RESTART in values and text.startswith("`--") and self._knows("--restart")
        after = " --restart" if again else ""
        return _TYPED.sub(partial(self._typed, after=after), Values().vformat(text, (), values))

    def _types(self, kind: str) -> bool:
        """Return whether a user of the running command can type what cures of a kind name."""
        return all(self._knows(found[1] or "") for found in _TYPED.finditer(WORDS[kind]))

    def _text(self, kind: str, values: Collection[str]) -> str:
        """Return the words for a kind of cure, without those whose values are missing."""
        text = INSTEAD.get((self.command.name or "" if self.command else "", kind), WORDS[kind])
        text = _OPTIONAL.sub(lambda found: found[1] if found[2] in values else "", text)
        contrary = self._contrary(kind)
        return re.sub(r"(`[^`]*`)", rf"\1 in place of {contrary}", text, count=1) if contrary else text

    def _contrary(self, kind: str) -> str:
        """Return an option of the running command that contradicts what is advised; empty if none does."""
        repairs = self.given.get("repair") or ()
        if kind == "label_takes_image_header" and "resample" in repairs:
            return "--repair resample"
        if kind in ("resample", "resample_channel") and "header" in repairs:
            return "--repair header"
        taken = kind in ("resample", "resample_channel") and self.given.get("label_header")
        return f"--label-header {taken}" if taken else ""

    def _option(self, field: str) -> str:
        """Return the option that fills a field of the command's options."""
        known = self.command.params if self.command else []
        named = (param.opts[0] for param in known if param.name == FILLED_BY.get(field, field))
        return next(named, f"--{field.replace('_', '-')}")

    def _typed(self, found: re.Match[str], after: str) -> str:
        option, rest = found[1] or "", found[2]
        own = f"{option}{rest}{after if option else ''}"
        text = with_folders(own if self._knows(option) else f"{self._other(option)} {option}{rest}", self.folders)
        self.typed.add(text)
        return text

    def _knows(self, option: str) -> bool:
        return not option or option == "--help" or self.command is None or _has(self.command, option)

    def _other(self, option: str) -> str:
        """Return a command that has an option which the running one lacks."""
        if self.instead or "dataset" not in self.given:
            return self.instead or "segconv convert SOURCE --to ID_NAME"
        from .repair import command as repair  # which imports this module

        verb = "repair" if _has(repair, option) else "convert"
        return f"segconv {verb} {shlex.quote(self.given['dataset'])} --to 43_New"


def _has(command: click.Command, option: str) -> bool:
    return any(option in (*known.opts, *known.secondary_opts) for known in command.params)
