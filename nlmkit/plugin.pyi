# Written by scripts/public_names.py from _HOMES in plugin.py.
from nlmkit.classifiers.base import Classifier as Classifier
from nlmkit.contract import API_VERSION as API_VERSION
from nlmkit.core import optional as optional
from nlmkit.core.component import Component as Component
from nlmkit.core.notes import note as note
from nlmkit.core.parameters import Needs as Needs
from nlmkit.core.parameters import above as above
from nlmkit.core.parameters import given as given
from nlmkit.core.parameters import param as param
from nlmkit.core.parameters import value_of as value_of
from nlmkit.core.presets import redeclared as redeclared
from nlmkit.core.presets import with_default as with_default
from nlmkit.core.registry import get_tokenizer as get_tokenizer
from nlmkit.core.run import RunOptions as RunOptions
from nlmkit.core.storage import load as load
from nlmkit.core.vocabulary_limits import VocabularyLimits as VocabularyLimits
from nlmkit.decoding.chain import Chain as Chain
from nlmkit.decoding.rows import MachineRows as MachineRows
from nlmkit.decoding.rows import Rows as Rows
from nlmkit.errors import DataError as DataError
from nlmkit.errors import ExportError as ExportError
from nlmkit.errors import HyperParameterError as HyperParameterError
from nlmkit.errors import IntegrityError as IntegrityError
from nlmkit.errors import MissingFileError as MissingFileError
from nlmkit.errors import MissingModelError as MissingModelError
from nlmkit.errors import NlmkitError as NlmkitError
from nlmkit.errors import NotComparableError as NotComparableError
from nlmkit.errors import NotFittedError as NotFittedError
from nlmkit.errors import NotNormalizedError as NotNormalizedError
from nlmkit.errors import PluginError as PluginError
from nlmkit.errors import RegistryError as RegistryError
from nlmkit.errors import SavedModelError as SavedModelError
from nlmkit.errors import UnknownComponentError as UnknownComponentError
from nlmkit.language_models.base import Context as Context
from nlmkit.language_models.base import LanguageModel as LanguageModel
from nlmkit.language_models.base import check_context as check_context
from nlmkit.language_models.neural.estimator import NeuralLanguageModel as NeuralLanguageModel
from nlmkit.language_models.neural.module import LanguageModule as LanguageModule
from nlmkit.language_models.neural.module import module_around as module_around
from nlmkit.language_models.neural.options import ArchitectureOptions as ArchitectureOptions
from nlmkit.language_models.neural.options import OptimizationOptions as OptimizationOptions
from nlmkit.language_models.neural.options import RegularizationOptions as RegularizationOptions
from nlmkit.language_models.ngram.model import NGram as NGram
from nlmkit.layers.backbone import Body as Body
from nlmkit.layers.backbone import State as State
from nlmkit.layers.masks import Dropout as Dropout
from nlmkit.layers.recurrent_steps import Steps as Steps
from nlmkit.regressors.base import Regressor as Regressor
from nlmkit.representations.base import Representation as Representation
from nlmkit.representations.term_counts import known_text as known_text
from nlmkit.representations.term_counts import rows_of_types as rows_of_types
from nlmkit.representations.word2vec.training import Sentences as Sentences
from nlmkit.representations.word2vec.training import refuse_diverged as refuse_diverged
from nlmkit.saving import require as require
from nlmkit.saving import require_array as require_array
from nlmkit.saving.state import FittedState as FittedState
from nlmkit.saving.timing import without_timing as without_timing
from nlmkit.seq2seq.base import SequenceToSequence as SequenceToSequence
from nlmkit.seq2seq.options import TextSources as TextSources
from nlmkit.seq2seq.pairs import Condition as Condition
from nlmkit.seq2seq.pairs import Pairs as Pairs
from nlmkit.taggers.base import Tagger as Tagger
from nlmkit.taggers.chain_tagger import ChainTagger as ChainTagger
from nlmkit.testing import checks_for as checks_for
from nlmkit.testing import conformance as conformance
from nlmkit.testing import run_checks as run_checks
from nlmkit.testing.registration import registered as registered
from nlmkit.text import BOS as BOS
from nlmkit.text import BOS_ID as BOS_ID
from nlmkit.text import CharTokenizer as CharTokenizer
from nlmkit.text import Corpus as Corpus
from nlmkit.text import Decoding as Decoding
from nlmkit.text import EOS as EOS
from nlmkit.text import EOS_ID as EOS_ID
from nlmkit.text import SpaceTokenizer as SpaceTokenizer
from nlmkit.text import TextPipeline as TextPipeline
from nlmkit.text import Tokenization as Tokenization
from nlmkit.text import Tokenizer as Tokenizer
from nlmkit.text import UNK as UNK
from nlmkit.text import UNK_ID as UNK_ID
from nlmkit.text import Vocabulary as Vocabulary
from nlmkit.text import WordTokenizer as WordTokenizer
from nlmkit.text.labelled import LabelledTexts as LabelledTexts
from nlmkit.text.numbered import NumberedTexts as NumberedTexts
from nlmkit.text.parallel import ParallelTexts as ParallelTexts
from nlmkit.text.tagged import TaggedSentences as TaggedSentences
from nlmkit.text.tokenizers import FLAG as FLAG
from nlmkit.text.tokenizers import INVISIBLE_JOINTS as INVISIBLE_JOINTS
from nlmkit.text.tokenizers import KEYCAP as KEYCAP
from nlmkit.text.tokenizers import PICTURES as PICTURES
from nlmkit.text.trees import LabelledTrees as LabelledTrees
from nlmkit.text.vocabulary import SPECIAL as SPECIAL
from nlmkit.training.devices import choose_device as choose_device
from nlmkit.training.distributed import Processes as Processes
from nlmkit.training.distributed import processes as processes
from nlmkit.training.divergence import Diverged as Diverged
from nlmkit.training.gradient import GradientStepper as GradientStepper
from nlmkit.training.metrics import Metric as Metric
from nlmkit.training.options import Optimization as Optimization
from nlmkit.training.result import RunResult as RunResult
from nlmkit.training.run import run as run
from nlmkit.training.stepper import Extent as Extent
from nlmkit.training.stepper import Figures as Figures
from nlmkit.training.stepper import Moment as Moment
from nlmkit.training.stepper import Place as Place
from nlmkit.training.stepper import Stepper as Stepper
from nlmkit.training.task import Batch as Batch
from nlmkit.training.task import Epoch as Epoch
from nlmkit.training.task import Step as Step
from nlmkit.training.task import Task as Task
from nlmkit.training.torch_model import TorchModel as TorchModel
from nlmkit.training.torch_model import put_weights as put_weights
__all__ = [
    "API_VERSION",
    "ArchitectureOptions",
    "BOS",
    "BOS_ID",
    "Batch",
    "Body",
    "Chain",
    "ChainTagger",
    "CharTokenizer",
    "Classifier",
    "Component",
    "Condition",
    "Context",
    "Corpus",
    "DataError",
    "Decoding",
    "Diverged",
    "Dropout",
    "EOS",
    "EOS_ID",
    "Epoch",
    "ExportError",
    "Extent",
    "FLAG",
    "Figures",
    "FittedState",
    "GradientStepper",
    "HyperParameterError",
    "INVISIBLE_JOINTS",
    "IntegrityError",
    "KEYCAP",
    "LabelledTexts",
    "LabelledTrees",
    "LanguageModel",
    "LanguageModule",
    "MachineRows",
    "Metric",
    "MissingFileError",
    "MissingModelError",
    "Moment",
    "NGram",
    "Needs",
    "NeuralLanguageModel",
    "NlmkitError",
    "NotComparableError",
    "NotFittedError",
    "NotNormalizedError",
    "NumberedTexts",
    "Optimization",
    "OptimizationOptions",
    "PICTURES",
    "Pairs",
    "ParallelTexts",
    "Place",
    "PluginError",
    "Processes",
    "RegistryError",
    "Regressor",
    "RegularizationOptions",
    "Representation",
    "Rows",
    "RunOptions",
    "RunResult",
    "SPECIAL",
    "SavedModelError",
    "Sentences",
    "SequenceToSequence",
    "SpaceTokenizer",
    "State",
    "Step",
    "Stepper",
    "Steps",
    "TaggedSentences",
    "Tagger",
    "Task",
    "TextPipeline",
    "TextSources",
    "Tokenization",
    "Tokenizer",
    "TorchModel",
    "UNK",
    "UNK_ID",
    "UnknownComponentError",
    "Vocabulary",
    "VocabularyLimits",
    "WordTokenizer",
    "above",
    "check_context",
    "checks_for",
    "choose_device",
    "conformance",
    "get_tokenizer",
    "given",
    "known_text",
    "load",
    "module_around",
    "note",
    "optional",
    "param",
    "processes",
    "put_weights",
    "redeclared",
    "refuse_diverged",
    "registered",
    "require",
    "require_array",
    "rows_of_types",
    "run",
    "run_checks",
    "value_of",
    "with_default",
    "without_timing",
]
