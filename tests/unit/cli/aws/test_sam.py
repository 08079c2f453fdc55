"""SAM projects: what they hold, what of them is packed, and everything that stands against it."""

from pathlib import Path

import pytest

from tapwater_server.cli.aws.counting import counted
from tapwater_server.cli.aws.packages import placed
from tapwater_server.cli.aws.project import AwsProject, Kind, Shape
from tapwater_server.cli.aws.recognising import near_miss, recognise
from tapwater_server.cli.aws.sam import open_sam
from tapwater_server.cli.aws.samconfig import SamConfig, choose
from tapwater_server.cli.aws.unsupported import unmade
from tapwater_server.cli.failures import CommandFailed

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.11, CodeUri: src/}
Parameters:
  Size: {Type: String}
  Depth: {Type: Number, Default: 3}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Events:
        Get: {Type: HttpApi, Properties: {Path: /, Method: get}}
  Other:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: nodejs20.x, Code: other/}
  Inline:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: python3.11, Code: {ZipFile: "x = 1"}}
  There:
    Type: AWS::Serverless::Function
    Properties: {Handler: a.b, CodeUri: s3://bucket/key}
  Jobs:
    Type: AWS::SQS::Queue
"""


def project(folder: Path, text: str, **parameters: str) -> AwsProject:
    """Write a template down and read it."""
    (folder / "template.yaml").write_text(text)
    return open_sam(folder / "template.yaml", name=None, parameters=parameters)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with code in it."""
    for name in ("src/app.py", "other/index.js"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    return tmp_path


def test_packages_are_what_lies_beside_the_template(folder: Path) -> None:
    found = project(folder, TEMPLATE, Size="2")
    assert not found.problems
    assert [(one.resource, one.source.name, one.shape) for one in found.packages] == [
        ("Hello", "src", Shape.SAM),
        ("Other", "other", Shape.PLAIN),
    ]
    assert found.packages[0].runtime == "python3.11"
    assert counted(found.template) == "4 functions, 1 API, 1 queue"


def test_code_is_named_where_it_has_been_put(folder: Path) -> None:
    found = project(folder, TEMPLATE, Size="2")
    places = {"Hello": ("b", "h.zip"), "Other": ("b", "o.zip")}
    resources = placed(found.template, places, found.packages)["Resources"]
    assert resources["Hello"]["Properties"]["CodeUri"] == {"Bucket": "b", "Key": "h.zip"}
    assert resources["Other"]["Properties"]["Code"] == {"S3Bucket": "b", "S3Key": "o.zip"}
    assert resources["There"]["Properties"]["CodeUri"] == "s3://bucket/key"


def test_all_that_is_wrong_is_said_at_once_and_where(folder: Path) -> None:
    text = """
Transform: [AWS::Serverless-2016-10-31, MyMacro]
Parameters:
  Size: {Type: String}
Resources:
  Gone:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, Runtime: python3.11, CodeUri: nowhere/}
  NoFile:
    Type: AWS::Serverless::Function
    Properties: {Handler: lib.main.handler, Runtime: python3.11, CodeUri: src/}
  Made:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: makefile}
    Properties: {Handler: app.handler, Runtime: python3.11, CodeUri: src/}
  Binary:
    Type: AWS::Serverless::Function
    Properties: {Handler: x, Runtime: provided.al2023, CodeUri: src/}
  Image:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image}
  Stream:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: x = 1
      Handler: index.handler
      Runtime: python3.11
      Events:
        Data: {Type: Kinesis, Properties: {Stream: arn}}
"""
    found = project(folder, text, Strange="1")
    said = {one.where: one.what for one in found.problems}
    assert said["template.yaml:2"] == "the transform MyMacro is a macro that is not here"
    assert "no folder or file 'nowhere'" in said["template.yaml:8"]
    assert "needs a file lib/main.py" in said["template.yaml:11"]
    assert "run make yourself" in said["template.yaml:15"]
    assert "needs a file 'bootstrap'" in said["template.yaml:18"]
    assert said["template.yaml:19"] == "Image: container images are not run here"
    assert said["template.yaml:29"] == "Stream.Data: there are no Kinesis streams here"
    assert "--parameter Size=VALUE" in said["template.yaml:4"]
    assert said["--parameter"] == "the template has no parameter Strange"


def test_a_handler_may_come_from_a_layer(folder: Path) -> None:
    text = """
Resources:
  Watched:
    Type: AWS::Lambda::Function
    Properties: {Handler: watch.handler, Runtime: python3.11, Code: src, Layers: [arn]}
"""
    assert not project(folder, text).problems


def test_types_that_the_server_does_not_make_are_named(folder: Path) -> None:
    found = project(folder, TEMPLATE, Size="2")
    types = {"AWS::Lambda::Function", "AWS::ApiGatewayV2::Api"}
    assert [(one.where, one.what) for one in unmade(found.template, found.document, types)] == [
        ("template.yaml:24", "Jobs: there is no AWS::SQS::Queue here")
    ]


def test_samconfig_says_what_nobody_says_again(folder: Path) -> None:
    (folder / "samconfig.toml").write_text(
        '[default.global.parameters]\nstack_name = "shop"\n'
        '[default.deploy.parameters]\nparameter_overrides = ["Size=9", "Gone=1"]\n'
    )
    found = project(folder, TEMPLATE, Depth="4")
    assert (found.stack, found.parameters) == ("shop", {"Size": "9", "Depth": "4"})
    long = {"x": {"deploy": {"parameters": {"parameter_overrides": _LONG}}}}
    assert choose(long, "x") == SamConfig(parameters={"A": "1", "B": "2=3"})


_LONG = "ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2=3"


def test_broken_samconfig_names_its_line(folder: Path) -> None:
    (folder / "samconfig.toml").write_text("version = 1\n[default\n")
    with pytest.raises(CommandFailed) as failed:
        project(folder, TEMPLATE, Size="1")
    assert failed.value.problems[0].where == "samconfig.toml:2"


def test_a_definition_beside_the_template_goes_into_it(folder: Path) -> None:
    (folder / "api.yaml").write_text("openapi: 3.0.1\npaths: {}\n")
    text = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: v1, DefinitionUri: api.yaml}
  Lost:
    Type: AWS::Serverless::Api
    Properties: {StageName: v1, DefinitionUri: lost.yaml}
"""
    found = project(folder, text)
    properties = found.template["Resources"]["Api"]["Properties"]
    assert properties["DefinitionBody"] == {"openapi": "3.0.1", "paths": {}}
    assert [one.where for one in found.problems] == ["template.yaml:8"]


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["template.yaml"], Kind.SAM),
        (["template.json"], Kind.SAM),
        ([".chalice/config.json", "app.py"], Kind.CHALICE),
        (["serverless.yml", "template.yaml"], Kind.SERVERLESS),
        (["tapwater.toml", "template.yaml"], None),
        (["main.py"], None),
    ],
)
def test_projects_are_recognised(tmp_path: Path, files: list[str], kind: Kind | None) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEMPLATE if "template" in name else "")
    found = recognise(tmp_path)
    assert (found[0] if found else None) == kind


def test_programs_are_not_run(tmp_path: Path) -> None:
    assert not near_miss(tmp_path)
    (tmp_path / "cdk.json").write_text("{}")
    assert recognise(tmp_path) is None
    assert near_miss(tmp_path).startswith("cdk.json is a program")


def test_typescript_is_to_be_built_first(folder: Path) -> None:
    (folder / "src" / "web.ts").write_text("")
    text = """
Resources:
  Web:
    Type: AWS::Serverless::Function
    Properties: {Handler: web.handler, Runtime: nodejs20.x, CodeUri: src}
"""
    (problem,) = project(folder, text).problems
    assert "web.ts is TypeScript: build it" in problem.what


def test_a_page_template_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("title: a page\nbody: hello\n")
    assert recognise(tmp_path) is None
