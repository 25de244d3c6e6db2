"""Every reason of table ``ledger`` with what it means; one that code gives and that is missing here fails a test."""

from __future__ import annotations

_PAGES = {
    "bad_json": "a line of the source is not JSON",
    "bad_row": "a row has no usable columns, or an object was expected",
    "bad_name": "the name of a file is not UTF-8",
    "bad_reference": "a reference to an image that is no path, URL or data URL",
    "bad_encoding": "bytes are not in the encoding that they state",
    "bad_pdf": "a PDF that cannot be read",
    "bad_sheet": "sheets of a PDF that cannot be read; the file goes on without them",
    "crashed": "the process that read a PDF ended",
    "timed_out": "a PDF was not read within the limit of time",
    "encrypted": "a PDF that asks for a password",
    "too_many_sheets": "a PDF with more sheets than are taken",
    "hidden_text": "characters of a PDF that nobody sees: drawn without ink, or smaller than a point",
    "no_sheet": 'an HTML or Markdown page without a picture beside it, where chunk.unit = "page"',
    "no_text_layer": "sheets of a PDF that are pictures without text",
    "too_many_images": "figures of a PDF beyond the limit of bytes",
    "not_docling": "a JSON file that is no document of docling",
    "no_pixels": "pictures that docling stored without their image; their captions are text",
    "empty": "nothing is in it: no text, no image, no sheet",
    "same_page": "a page whose id was read before",
    "same_page_content": "a page equal to an earlier one in text and references to images",
    "too_large": "a page or file over the limits of size or nesting",
    "too_short": "a page of fewer words than prefilter.min_words",
    "language": "a page in none of prefilter.languages, or too short to tell",
    "common_block": "a paragraph or list item that many pages share; the page lives",
    "text_cleaned": "characters were removed from the text of a page: controls, broken surrogates",
    "stray_placeholder": "a text that held the placeholder of an image without one; it was taken out",
}

_IMAGES = {
    "connect": "no connection to the image's server",
    "dns": "no address for the name of the server",
    "host_down": "the server failed so often that it was not asked again in this run",
    "http_403": "the server answered 403, forbidden",
    "http_404": "the server answered 404, not found",
    "http_410": "the server answered 410, gone",
    "http_429": "the server answered 429, too many requests, after all tries",
    "http_4xx": "the server answered with another error of the request",
    "http_5xx": "the server answered with an error of its own, after all tries",
    "http_other": "the server answered with another status",
    "missing_file": "a file or archive member that is not there",
    "no_response": "the server closed the connection without an answer",
    "noai": "the server's header X-Robots-Tag asks not to use the image (images.noai)",
    "not_fetched": "an image at a URL, where images.fetch is false",
    "outside_source": "a path that leaves the folder of the source",
    "private_address": "an address outside the public internet that images.allow_private does not list",
    "timeout": "no whole answer within images.timeout",
    "tls": "the server's certificate or encryption is not acceptable",
    "too_many_bytes": "an image file over images.max_bytes",
    "too_many_pixels": "an image over images.max_pixels",
    "too_many_redirects": "the server redirected too often",
    "too_small": "an image of a few pixels, such as a spacer",
    "truncated": "an image file that ends early",
    "truncated_body": "an answer shorter than the server stated",
    "unreadable": "an image file that cannot be decoded",
    "unsupported_format": "bytes that are no image of a known format",
    "common_image": "an image on many pages (images.common), with its placeholder",
    "dead_image": "a page or row that goes with its image (images.on_dead)",
}

_DOCUMENTS = {
    "same_content": "a document or passage equal to an earlier one, whose also_at lists the place",
    "common_text": "all but one of the documents with a text that many pages share",
    "near_duplicate": "a document alike in text and images to one that stays",
    "filter": "a row that does not meet a condition of [filters]; the detail is the condition",
    "contaminated": "a row that overlaps with a benchmark of filters.decontaminate",
}

_QUESTIONS = {
    "no_question": "the model, or the rules, found nothing to ask",
    "no_answer": "a question without an answer",
    "answer_too_long": "an answer of more words than refine.max_answer_words",
    "too_long": "an answer that the model could not shorten",
    "bad_citation": "a question that cites an image that its document lacks",
    "image_not_cited": "a question about a picture that it does not cite",
    "refers_to_document": "a question that points at a document that its reader does not see",
    "not_self_contained": "a question that the model says needs its document to be understood",
    "echoed_example": "a question that repeats an example of synthesize.style",
    "other_type": "a question of a type that synthesize.types does not list",
    "not_edited": "unanswerable: the model found no edit of a question, or repeated it",
    "answered_after_all": "unanswerable: a document answers the edited question",
    "repeated_question": "a question with the words and images of an earlier one of its split",
    "similar_question": "a question alike to a kept one with the same answer and images",
    "not_answered_from_document": "verify: the model is wrong with the document",
    "answered_closed_book": "verify: the model is right without any document",
    "answered_without_images": "verify: the model is right without the images (images_needed)",
    "answered_from_images_only": "verify: the model is right with the images alone (text_needed)",
    "too_few_distractors": "fewer usable wrong options than choices.count needs",
    "positive_not_answering": "judge: the document does not answer, and judge.positives is drop",
    "judged_positive": "judge: a negative that answers became a positive",
    "judged_answering": "judge: a negative that answers was removed",
    "not_judged": "judge: the model gave no usable verdict on a negative",
    "shares_page_id": "judge: a negative of the page of a negative that became a positive",
    "shares_cluster": "judge: a negative alike to one that became a positive",
    "shares_key": "judge: a negative with the words of one that became a positive",
    "shares_title": "judge: a negative with the title of one that became a positive",
    "reviewed_out": "people rejected the row",
    "reviewed_relevant": "people said that the negative answers, too",
    "over_quota": "a question beyond the number that the split shall have of its kind",
    "in_train": "a question of validation or test that train has as well",
    "in_validation": "a question of test that validation has as well",
}

_MODELS = {
    "bad_answer": "the server's answer is not in the form of its API",
    "bad_image": "an image that cannot be turned into what the model takes",
    "refused": "the model, or its filter, refused",
    "refused_image": "the server refused an image",
    "refused_request": "the server refused the request, whatever its form",
    "server_error": "the server failed, after all tries",
    "unparsable": "the model's answer is not in the form asked for, after all tries",
}

_SETS = {
    "bad_choices": "options that are no list of texts, or of a number that is not taken",
    "bad_id": "an id that is neither text nor a number",
    "bad_split": "a split that is not train, validation or test",
    "bad_type": "a column of another type than expected",
    "bad_unicode": "text that cannot be written as UTF-8",
    "empty_text": "text without any character",
    "placeholder": "a text that holds the placeholder of an image, in a set that takes none",
    "has_image": "a row with an image, in a [[text]] set, which takes none",
    "has_choices": "a row with options, in a [[text]] set, which takes none",
    "image_token": "a model's image token in the text of a [[text]] set",
    "image_count": "placeholders and images of a row differ in number",
    "missing_image": "a row whose image is not there",
    "misaligned": "lists of negatives of different lengths",
    "equal": "a negative equal to the positive of its row",
    "same_id": "a second row with an id that was read before",
    "unanswerable": "a question that its set marks as unanswerable",
    "no_document": "a question whose documents are not in the corpus",
    "nothing_retrieved": "nothing was found for the question",
    "gold_not_in_pool": "none of the passages that the set names as evidence is in the pool",
    "no_findable_answer": "no accepted answer is a text that can be searched for",
    "answer_not_retrieved": "no retrieved passage holds an answer (positive = answer)",
}

_FEEDBACK = {
    "no_answers": "a question without accepted answers, which nothing can be compared with",
    "right_closed_book": "the model is right without documents (feedback.drop)",
    "right_with_all": "the model is right with every candidate (feedback.drop)",
    "wrong_with_all": "the model is wrong with every candidate (feedback.drop)",
}

# What ``filters.secrets`` finds, by kind.
FINDING = "secret_"
_SECRETS = (
    "anthropic_key", "assigned_secret", "aws_key", "azure_key", "databricks_token", "digitalocean_token",
    "discord_token", "email_address", "github_token", "gitlab_token", "google_key", "groq_key", "huggingface_token",
    "internal_address", "internal_host", "mailchimp_key", "npm_token", "openai_key", "password_in_url", "phone_number",
    "private_key", "pypi_token", "sendgrid_key", "shopify_token", "slack_token", "square_secret", "stripe_key",
    "telegram_token", "twilio_key", "web_token",
)  # fmt: skip

CAPTION = "no_caption_"  # before a reason of the model: an image whose caption failed; it stays

SECTIONS = {
    "Pages and files": _PAGES,
    "Images": _IMAGES,
    "Documents": _DOCUMENTS,
    "Questions, negatives and verdicts": _QUESTIONS,
    "Answers of models": {
        **_MODELS,
        **{
            f"{CAPTION}{name}": f"no caption for an image: {text}; it stays without one"
            for name, text in _MODELS.items()
        },
    },
    "Secrets and personal data": {
        f"{FINDING}{name}": f"a page or block with {name.replace('_', ' ')}s (filters.secrets)" for name in _SECRETS
    },
    "Question sets and imports": _SETS,
    "Feedback": _FEEDBACK,
}
REASONS: dict[str, str] = {name: text for section in SECTIONS.values() for name, text in section.items()}
